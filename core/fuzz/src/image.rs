//! Images that come in pieces.

use ntfsclone_core::Result;
use ntfsclone_core::image::ntfsclone::{Decoder, Event, Header};

/// Bytes of the input that tell how to cut the rest into pieces.
const SPLITS: usize = 4;

/// Four lengths of pieces, in turn, then an image. However it is cut, it says
/// the same.
pub fn image_decoder(data: &[u8]) {
    let Some((image, pieces)) = split(data) else {
        return;
    };
    let in_pieces = decode(pieces);
    let at_once = decode(Some(image).filter(|image| !image.is_empty()));
    assert_eq!(in_pieces, at_once);
    assert!(
        at_once.bytes <= image.len() as u64,
        "more came out than went in"
    );
}

/// The image, and its pieces.
pub(crate) fn split(data: &[u8]) -> Option<(&[u8], impl Iterator<Item = &[u8]>)> {
    let (lengths, image) = data.split_first_chunk::<SPLITS>()?;
    let mut lengths = lengths.iter().map(|&len| usize::from(len) + 1).cycle();
    let mut rest = image;
    let pieces = core::iter::from_fn(move || {
        let len = lengths.next()?.min(rest.len());
        let (piece, after) = rest.split_at(len);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    });
    Some((image, pieces))
}

/// What an image says, with neighbouring data joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decoded {
    header: Option<Header>,
    /// Start, end and a sum of the bytes.
    data: Vec<(u64, u64, u64)>,
    bytes: u64,
    error: Option<String>,
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoded = Decoded::default();
    if let Err(error) = decode_into(pieces, &mut decoded) {
        decoded.error = Some(error.to_string());
    }
    decoded
}

fn decode_into<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    decoded: &mut Decoded,
) -> Result<()> {
    let mut decoder = Decoder::new();
    for piece in pieces {
        let mut input = piece;
        loop {
            match decoder.next(&mut input)? {
                Event::Header(header) => {
                    assert!(decoded.header.replace(header).is_none(), "a second header");
                }
                Event::Data { offset, bytes } => decoded.add(offset, bytes),
                Event::NeedInput => break,
                // To go on with what is left is an error.
                Event::End if input.is_empty() => break,
                Event::End => {}
            }
        }
        assert!(input.is_empty(), "input was left");
    }
    decoder.end_of_input()
}

impl Decoded {
    fn add(&mut self, offset: u64, bytes: &[u8]) {
        let header = self.header.expect("a header before data");
        let len = bytes.len() as u64;
        assert!(len > 0);
        let end = offset.checked_add(len).expect("no data wraps");
        assert!(end <= header.device_size, "data past the end of the device");
        self.bytes += len;

        let sum = |sum: u64, bytes: &[u8]| {
            bytes.iter().fold(sum, |sum, &byte| {
                sum.wrapping_mul(31).wrapping_add(u64::from(byte))
            })
        };
        match self.data.last_mut() {
            Some(last) if last.1 == offset => {
                last.1 = end;
                last.2 = sum(last.2, bytes);
            }
            _ => self.data.push((offset, end, sum(0, bytes))),
        }
    }
}
