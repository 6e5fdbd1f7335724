//! A fault of ours, which says nothing about the receiver.

use adapters::dynamodb::TableError;
use adapters::notices::NoticeError;
use adapters::queue::QueueError;
use adapters::secret::SecretError;

/// What did not answer, or not with what was asked.
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
