//! A client of AWS that is made when it is first used.
//!
//! The SDK parses a service's table of endpoints when it makes the first client of that service, which costs a sixth of
//! `deliver`'s start. Most processes never tell of an endpoint or return a message.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use aws_types::SdkConfig;

type Make<C> = Box<dyn FnOnce() -> C + Send>;

/// A client that may not have been made yet.
pub(crate) struct Lazy<C>(Arc<LazyLock<C, Make<C>>>);

impl<C: 'static> Lazy<C> {
    /// Keeps the configuration for `make`.
    pub(crate) fn new(sdk: &SdkConfig, make: fn(&SdkConfig) -> C) -> Self {
        let sdk = sdk.clone();
        Self(Arc::new(LazyLock::new(Box::new(move || make(&sdk)))))
    }
}

impl<C> Lazy<C> {
    /// Makes the client now.
    pub(crate) fn make(&self) {
        LazyLock::force(&self.0);
    }
}

impl<C> Deref for Lazy<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C> Clone for Lazy<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Lazy<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lazy").finish_non_exhaustive()
    }
}
