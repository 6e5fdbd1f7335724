//! A fault of this system or of AWS, which says nothing about the receiver.

use adapters::dynamodb::TableError;
use adapters::notices::NoticeError;
use adapters::queue::QueueError;
use adapters::secret::SecretError;

/// The service that did not answer, or whose answer was an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
}
