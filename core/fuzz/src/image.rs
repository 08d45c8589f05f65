//! Images that come in pieces.

use ntfsclone_core::image::ntfsclone::Decoder;

use super::image_decoder::{Decoded, ImageDecoder};

/// Bytes of the input that tell how to cut the rest into pieces.
const SPLITS: usize = 4;

/// Four lengths of pieces, in turn, then an image. However it is cut, it says
/// the same.
pub fn image_decoder(data: &[u8]) {
    let Some((image, pieces)) = split(data) else {
        return;
    };
    let in_pieces = decode::<Decoder>(pieces);
    let at_once = decode::<Decoder>(Some(image).filter(|image| !image.is_empty()));
    assert_eq!(in_pieces, at_once);
    let lengths = at_once.0.data.iter().map(|(_, bytes)| bytes.len());
    let bytes: usize = lengths.sum();
    assert!(bytes <= image.len(), "more came out than went in");
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

/// What an image holds, and why no more.
pub(crate) fn decode<'a, D: ImageDecoder>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Decoded<D::Header>, Option<String>) {
    let (decoded, result) = Decoded::of::<D>(pieces);
    (decoded, result.err().map(|error| error.to_string()))
}
