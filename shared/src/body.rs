//! Bodies as the ledger keeps them: zstd, by one context that is kept between events.

use std::sync::{Mutex, PoisonError};

use zstd::bulk;

/// The largest compressed body that is kept, in bytes. A DynamoDB item has at most 400 KB; the rest of a record stays
/// well under what this leaves.
const MAX_BYTES: usize = 350_000;

/// The largest body there can be, in bytes: a message has at most 1 MiB, and normalising can lengthen it by escaped
/// controls and numbers that are printed longer, at most sixfold.
const MAX_DECOMPRESSED: usize = 6 * 1024 * 1024;

const LEVEL: i32 = 3;

/// A compressed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed(pub Vec<u8>);

/// Compresses bodies.
pub struct Compressor(Mutex<bulk::Compressor<'static>>);

impl Compressor {
    /// A compressor with its context.
    ///
    /// # Panics
    ///
    /// Never: the level is one that zstd has.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(bulk::Compressor::new(LEVEL).expect("zstd has level 3")))
    }

    /// Whether a body can be kept. One that is small enough as it is need not be compressed to know.
    #[must_use]
    pub fn can_keep(&self, body: &str) -> bool {
        body.len() <= MAX_BYTES || self.compress(body).is_some()
    }

    /// Compresses a body; None if it is too large to be kept.
    #[must_use]
    pub fn compress(&self, body: &str) -> Option<Compressed> {
        let mut context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let compressed = context.compress(body.as_bytes()).ok()?;
        (compressed.len() <= MAX_BYTES).then_some(Compressed(compressed))
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

/// The body again; None if these bytes are none.
#[must_use]
pub fn decompress(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bulk::decompress(bytes, MAX_DECOMPRESSED).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_byte_for_byte() {
        let compressor = Compressor::new();
        for body in ["{}", "{\"transcript\":\"שלום שלום שלום\"}", &"א".repeat(400_000)] {
            let compressed = compressor.compress(body).expect("small enough");
            assert_eq!(decompress(&compressed.0).as_deref(), Some(body));
            assert!(compressor.can_keep(body));
        }
    }

    #[test]
    fn what_would_not_fit_into_an_item_is_not_kept() {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + u8::try_from(state >> 33 & 63).expect("below 64"))
        });
        let body: String = noise.take(600_000).collect();
        assert_eq!(Compressor::new().compress(&body), None);
        assert!(!Compressor::new().can_keep(&body));
    }

    #[test]
    fn bytes_that_are_no_body_give_none() {
        assert_eq!(decompress(b"not zstd"), None);
    }
}
