//! Images of any format, decoded at once.

use core::fmt::Debug;

use ntfsclone_core::Result;

use crate::image_decoder::{Decoded, ImageDecoder};

impl<H: Copy + Debug + PartialEq> Decoded<H> {
    pub(crate) fn header(&self) -> H {
        self.header.expect("no end before a header")
    }

    /// What is restored, zeros where the image has nothing.
    pub(crate) fn restored(&self, size: u64) -> Vec<u8> {
        let mut restored = vec![0; size as usize];
        for (offset, bytes) in &self.data {
            restored[*offset as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        restored
    }
}

/// Decodes an image that comes in these pieces.
pub(crate) fn decode<'i, D: ImageDecoder>(
    pieces: impl IntoIterator<Item = &'i [u8]>,
) -> Result<Decoded<D::Header>> {
    let (decoded, result) = Decoded::of::<D>(pieces);
    result.map(|()| decoded)
}
