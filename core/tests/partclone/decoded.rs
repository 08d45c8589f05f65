//! What comes out of an image.

use ntfsclone_core::Result;
use ntfsclone_core::image::partclone::{Decoder, Header};

use crate::decoding;
use crate::image_decoder::Decoded;

impl Decoded<Header> {
    /// The volume as restored.
    pub(crate) fn volume(&self) -> Vec<u8> {
        self.restored(self.header().restored_size())
    }
}

/// Decodes an image that comes in these pieces.
pub(crate) fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Decoded<Header>> {
    decoding::decode::<Decoder>(pieces)
}
