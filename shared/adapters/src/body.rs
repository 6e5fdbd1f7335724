//! Bodies as the ledger keeps them: compressed by zstd, with a dictionary of the text that calls have in common.
//!
//! DynamoDB bills by the KB. A Hebrew call of 6 KB becomes 2.0 KB, and without the dictionary 2.6 KB. One compression
//! context is kept between events.
//!
//! The dictionary was trained with `zstd --train --maxdict=16384` on slices of the long sample call. The dictionary
//! must never change, because a body can be read only with the dictionary that compressed it. A better dictionary gets
//! another name and is added to this one. Each compressed body names its dictionary.

use std::sync::{Mutex, OnceLock, PoisonError};

use zstd::bulk;

/// The largest compressed body that is kept, in bytes. A DynamoDB item has at most 400 KB, and the other attributes of
/// a record are much smaller than the difference.
const MAX_BYTES: usize = 350_000;

/// The largest possible body, in bytes, not compressed. A message has at most 1 MiB. Normalising can lengthen the body
/// at most sixfold: by escaped control characters, by numbers that are printed longer, and by fields that are kept as
/// text.
const MAX_DECOMPRESSED: usize = 6 * 1024 * 1024;

const LEVEL: i32 = 3;

const DICTIONARY: &[u8] = include_bytes!("body/calls-1.zdict");

/// A compressed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed(pub Vec<u8>);

/// Compresses bodies. The context is made for the first body, so that a new process is ready for work sooner.
#[derive(Default)]
pub struct Compressor(OnceLock<Mutex<bulk::Compressor<'static>>>);

impl Compressor {
    /// Makes a compressor.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a body can be kept. A body that is small enough without compression is not compressed to find out.
    #[must_use]
    pub fn can_keep(&self, body: &str) -> bool {
        body.len() <= MAX_BYTES || self.compress(body).is_some()
    }

    /// Compresses a body. None: the compressed body is too large to be kept.
    ///
    /// # Panics
    ///
    /// Never: the level is one that zstd has, and the dictionary is compiled in.
    #[must_use]
    pub fn compress(&self, body: &str) -> Option<Compressed> {
        let context = self.0.get_or_init(|| {
            let context = bulk::Compressor::with_dictionary(LEVEL, DICTIONARY);
            Mutex::new(context.expect("zstd has level 3, and the dictionary is compiled in"))
        });
        let mut context = context.lock().unwrap_or_else(PoisonError::into_inner);
        let compressed = context.compress(body.as_bytes()).ok()?;
        (compressed.len() <= MAX_BYTES).then_some(Compressed(compressed))
    }
}

/// Gives the body that was compressed. None: the bytes are not a compressed body.
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
    fn a_body_that_does_not_fit_into_an_item_is_not_kept() {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + u8::try_from(state >> 33 & 63).expect("below 64"))
        });
        let body: String = noise.take(600_000).collect();
        assert_eq!(Compressor::new().compress(&body), None);
        assert!(!Compressor::new().can_keep(&body));
    }

    /// This body was compressed with the first dictionary, and must stay readable when there is a newer one.
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
    fn bytes_that_are_not_a_body_give_none() {
        assert_eq!(decompress(b"not zstd"), None);
    }
}
