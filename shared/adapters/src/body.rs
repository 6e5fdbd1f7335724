//! Bodies as the ledger keeps them: zstd, with a dictionary of what calls have in common, by one context that is kept
//! between events. A Hebrew call of 6 KB becomes 2.0 KB, without the dictionary 2.6 KB: DynamoDB bills by the KB.
//!
//! The dictionary was trained with `zstd --train --maxdict=16384` on slices of the long sample call. It is never changed:
//! what was compressed with it can only be read with it. A better one gets a name of its own and stands beside it; each
//! compressed body names its dictionary.

use std::sync::{Mutex, OnceLock, PoisonError};

use zstd::bulk;

/// The largest compressed body that is kept, in bytes. A DynamoDB item has at most 400 KB; the rest of a record stays
/// well under what this leaves.
const MAX_BYTES: usize = 350_000;

/// The largest body there can be, in bytes: a message has at most 1 MiB, and normalising can lengthen it by escaped
/// controls, numbers that are printed longer and fields that are kept as text, at most sixfold.
const MAX_DECOMPRESSED: usize = 6 * 1024 * 1024;

const LEVEL: i32 = 3;

const DICTIONARY: &[u8] = include_bytes!("body/calls-1.zdict");

/// A compressed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed(pub Vec<u8>);

/// Compresses bodies. Its context is made at the first one, since a process should be ready for work before that.
#[derive(Default)]
pub struct Compressor(OnceLock<Mutex<bulk::Compressor<'static>>>);

impl Compressor {
    /// A compressor.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a body can be kept. One that is small enough as it is need not be compressed to know.
    #[must_use]
    pub fn can_keep(&self, body: &str) -> bool {
        body.len() <= MAX_BYTES || self.compress(body).is_some()
    }

    /// Compresses a body; None if it is too large to be kept.
    ///
    /// # Panics
    ///
    /// Never: the level is one that zstd has, and the dictionary is compiled in.
    #[must_use]
    pub fn compress(&self, body: &str) -> Option<Compressed> {
        let context = self.0.get_or_init(|| {
            let context = bulk::Compressor::with_dictionary(LEVEL, DICTIONARY);
            Mutex::new(context.expect("zstd has level 3, and the dictionary is one"))
        });
        let mut context = context.lock().unwrap_or_else(PoisonError::into_inner);
        let compressed = context.compress(body.as_bytes()).ok()?;
        (compressed.len() <= MAX_BYTES).then_some(Compressed(compressed))
    }
}

/// The body again; None if these bytes are none.
#[must_use]
pub fn decompress(bytes: &[u8]) -> Option<String> {
    let mut context = bulk::Decompressor::with_dictionary(DICTIONARY).ok()?;
    String::from_utf8(context.decompress(bytes, MAX_DECOMPRESSED).ok()?).ok()
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

    /// A list of `1e20`, each a string of 21 digits in quotes that are escaped.
    #[test]
    fn the_event_that_grows_most_by_normalising_is_read_back() {
        let head = r#"{"event_type":"call.completed","business_id":"b","call_id":"c","transcript":["#;
        let numbers = vec!["1e20"; (1024 * 1024 - head.len()) / "1e20,".len()].join(",");
        let event = domain::event::Event::parse(&format!("{head}{numbers}]}}")).expect("well-formed");
        assert!(event.body().len() > 5 * 1024 * 1024, "{}", event.body().len());
        let compressed = Compressor::new().compress(event.body()).expect("small enough");
        assert_eq!(decompress(&compressed.0).as_deref(), Some(event.body()));
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

    /// Of the dictionary's first days: it must still be readable when there is a newer one.
    #[test]
    fn a_body_that_was_kept_long_ago_can_be_read() {
        let kept = "28b52ffd03583b1b4404dd0000507b9196d795d7a83f227d05fcfdd37366e3a709c0221d21db868a";
        let body = decompress(&hex::decode(kept).expect("hex"));
        assert_eq!(body.as_deref(), Some("{\"transcript\":\"שלום, במה אפשר לעזור?\"}"));
    }

    #[test]
    fn the_dictionary_saves_a_fifth_of_a_call_that_it_has_never_seen() {
        let sample = include_str!("../../../events/samples/call.completed.outbound.json");
        let body = domain::event::Event::parse(sample).expect("a sample").body().to_owned();
        let plain = bulk::compress(body.as_bytes(), LEVEL).expect("zstd has level 3").len();
        let with_dictionary = Compressor::new().compress(&body).expect("small enough").0.len();
        assert!(with_dictionary * 5 < plain * 4, "{with_dictionary} of {plain} bytes");
    }

    #[test]
    fn bytes_that_are_no_body_give_none() {
        assert_eq!(decompress(b"not zstd"), None);
    }
}
