//! Bodies as the ledger keeps them: compressed by zstd, with a dictionary of the text that calls have in common.
//!
//! DynamoDB bills by the KB. In UTF-8 each Hebrew letter begins with the byte 0xD7, which says nothing that the second
//! byte does not say. So a body is compressed without its bytes 0xD7, and they are put back when the body is read: a byte
//! from 0x80 to 0xBF that no lead byte announces has lost a 0xD7. A Hebrew call of 6 KB, of which the dictionary has no
//! sentence, becomes 1.7 KB; with the first dictionary it became 2.1 KB, and without any 2.5 KB. ARCHITECTURE has the
//! measured sizes and times. One compression context is kept between events.
//!
//! A dictionary must never change, because a body can be read only with the dictionary that compressed it. A better
//! dictionary gets another id and another file, and is added to these. Each compressed body names its dictionary.
//! `infra/dictionary` makes the present one. The first one was trained by `zstd --train --maxdict=16384` on slices of the
//! long sample call; bodies that it has compressed have all their bytes.

use std::io;
use std::num::NonZeroU32;
use std::sync::{Mutex, OnceLock, PoisonError};

use zstd::zstd_safe::{self, CParameter, Strategy};
use zstd::{DEFAULT_COMPRESSION_LEVEL, bulk};

/// The largest compressed body that is kept, in bytes. A DynamoDB item has at most 400 KB, and the other attributes of
/// a record are much smaller than the difference.
const MAX_BYTES: usize = 350_000;

/// The largest possible body, in bytes, not compressed. A message has at most 1 MiB. Normalising can lengthen the body
/// at most sixfold: by escaped control characters, by numbers that are printed longer, and by fields that are kept as
/// text.
const MAX_DECOMPRESSED: usize = 6 * 1024 * 1024;

/// How zstd looks for repetitions: in two small tables, as its level 3 does, whose larger ones bodies of 6 KB cannot fill.
/// A search along chains (level 5) makes bodies 5 % smaller and takes two to three times as long: a fifth of a delivery's CPU.
const PARAMETERS: [CParameter; 5] = [
    CParameter::Strategy(Strategy::ZSTD_dfast),
    CParameter::WindowLog(17),
    CParameter::HashLog(14),
    CParameter::ChainLog(14),
    CParameter::MinMatch(5),
];

const FIRST_DICTIONARY: &[u8] = include_bytes!("body/calls-1.zdict");

const DICTIONARY: &[u8] = include_bytes!("body/calls-2.zdict");

/// The id of [`DICTIONARY`].
const DICTIONARY_ID: u32 = 2;

/// The byte that is left out. It begins every Hebrew letter, and is never the second byte of a character.
const HEBREW: u8 = 0xD7;

/// The most memory that is kept between events for bodies without [`HEBREW`], in bytes.
const KEPT_BYTES: usize = 64 * 1024;

/// A compressed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed(pub Vec<u8>);

/// Compresses bodies. The context is kept between them.
#[derive(Default)]
pub struct Compressor(OnceLock<Mutex<Context>>);

struct Context {
    zstd: bulk::Compressor<'static>,
    /// The room for a body without [`HEBREW`].
    brief: Vec<u8>,
}

impl Compressor {
    /// Makes a compressor, which makes its context for the first body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the context now, for a process whose first invocation will need it.
    #[must_use]
    pub fn prepared(self) -> Self {
        let _ = self.compress("{}");
        self
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
    /// Never: the parameters are ones that zstd has, and the dictionary is compiled in.
    #[must_use]
    pub fn compress(&self, body: &str) -> Option<Compressed> {
        let context = self.0.get_or_init(|| {
            let zstd = parametrised().expect("zstd has these parameters, and the dictionary is compiled in");
            Mutex::new(Context { zstd, brief: Vec::new() })
        });
        let mut context = context.lock().unwrap_or_else(PoisonError::into_inner);
        let Context { zstd, brief } = &mut *context;
        shorten(body.as_bytes(), brief);
        let compressed = zstd.compress(brief).ok();
        if brief.capacity() > KEPT_BYTES {
            *brief = Vec::new();
        }
        compressed.filter(|compressed| compressed.len() <= MAX_BYTES).map(Compressed)
    }
}

fn parametrised() -> io::Result<bulk::Compressor<'static>> {
    let mut zstd = bulk::Compressor::with_dictionary(DEFAULT_COMPRESSION_LEVEL, DICTIONARY)?;
    PARAMETERS.into_iter().try_for_each(|parameter| zstd.set_parameter(parameter))?;
    Ok(zstd)
}

/// Gives the body that was compressed. None: the bytes are not a compressed body.
#[must_use]
pub fn decompress(bytes: &[u8]) -> Option<String> {
    let is_brief = zstd_safe::get_dict_id_from_frame(bytes).map(NonZeroU32::get) == Some(DICTIONARY_ID);
    let mut context = bulk::Decompressor::with_dictionary(if is_brief { DICTIONARY } else { FIRST_DICTIONARY }).ok()?;
    let text = context.decompress(bytes, MAX_DECOMPRESSED).ok()?;
    String::from_utf8(if is_brief { lengthen(&text) } else { text }).ok()
}

/// Leaves [`HEBREW`] out.
fn shorten(text: &[u8], brief: &mut Vec<u8>) {
    brief.clear();
    brief.resize(text.len(), 0);
    // Its place and length need not be read again for each byte.
    let room = brief.as_mut_slice();
    let mut length = 0;
    // Without a branch, which a processor could not predict here, this takes a third of the time.
    for &byte in text {
        room[length] = byte;
        length += usize::from(byte != HEBREW);
    }
    brief.truncate(length);
}

/// Puts [`HEBREW`] back: before each continuation byte that does not belong to a lead byte.
fn lengthen(brief: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(brief.len() * 2);
    // How many continuation bytes the last lead byte still announces.
    let mut announced = 0_u8;
    for &byte in brief {
        announced = match byte {
            0x00..=0x7F => 0,
            0x80..=0xBF if announced > 0 => announced - 1,
            0x80..=0xBF => {
                text.push(HEBREW);
                0
            }
            0xC0..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xFF => 3,
        };
        text.push(byte);
    }
    text
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

    /// These bodies were compressed with each dictionary that there was, and must stay readable when there is a newer
    /// one.
    #[test]
    fn a_body_that_was_kept_long_ago_can_be_read() {
        for kept in [
            "28b52ffd03583b1b4404dd0000507b9196d795d7a83f227d05fcfdd37366e3a709c0221d21db868a",
            "28b52ffd210226850000187b227d03fc9ea249c605eb76006632",
        ] {
            let body = decompress(&hex::decode(kept).expect("hex"));
            assert_eq!(body.as_deref(), Some("{\"transcript\":\"שלום, במה אפשר לעזור?\"}"), "{kept}");
        }
    }

    #[test]
    fn every_character_comes_back_beside_every_other() {
        let characters = "aא֑ת״߿ ́éжغ€豈\u{ffff}😀\u{10ffff}\n";
        let mut text = String::new();
        for first in characters.chars() {
            for second in characters.chars() {
                text.extend([first, second, first]);
            }
        }
        let mut brief = Vec::new();
        shorten(text.as_bytes(), &mut brief);
        assert_eq!(brief.len(), text.bytes().filter(|byte| *byte != HEBREW).count());
        assert_eq!(String::from_utf8(lengthen(&brief)).as_ref(), Ok(&text));
        let compressed = Compressor::new().compress(&text).expect("small enough");
        assert_eq!(decompress(&compressed.0), Some(text));
    }

    #[test]
    fn a_body_names_its_dictionary_in_one_byte_and_its_length() {
        let compressed = Compressor::new().compress("{}").expect("small enough").0;
        // RFC 8878, section 3.1.1: the magic number, a descriptor (one segment, an id of one byte), the id, the length.
        assert_eq!(compressed[..7], [0x28, 0xB5, 0x2F, 0xFD, 0b0010_0001, 2, 2]);
        assert_eq!(DICTIONARY[..8], [0x37, 0xA4, 0x30, 0xEC, 2, 0, 0, 0], "a dictionary begins with its id");
    }

    #[test]
    fn bytes_that_are_not_a_body_give_none() {
        assert_eq!(decompress(b"not zstd"), None);
    }
}
