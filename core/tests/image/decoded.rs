//! What comes out of an image, and images made by hand.

use ntfsclone_core::error::{EndPlace, Structure};
use ntfsclone_core::image::ntfsclone::{Decoder, Header};
use ntfsclone_core::{Error, Result};

use crate::decoding;
use crate::image_decoder::Decoded;

impl Decoded<Header> {
    /// The device as restored.
    pub(crate) fn device(&self) -> Vec<u8> {
        self.restored(self.header().device_size)
    }
}

/// Decodes an image that comes in these pieces.
pub(crate) fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Decoded<Header>> {
    decoding::decode::<Decoder>(pieces)
}

/// As [`decode`], in one piece.
pub(crate) fn decode_whole(image: &[u8]) -> Result<Decoded<Header>> {
    decode([image])
}

/// Structure, byte position and field of the error that `image` gives.
pub(crate) fn refused(image: &[u8]) -> (Structure, u64, &'static str) {
    match decode_whole(image) {
        Err(
            Error::Corrupt {
                structure,
                offset,
                field,
                ..
            }
            | Error::Unsupported {
                structure,
                offset,
                field,
                ..
            },
        ) => (structure, offset, field),
        other => panic!("{other:?}"),
    }
}

/// Where `image` ends too early.
pub(crate) fn truncated(image: &[u8]) -> (u64, EndPlace) {
    match decode_whole(image) {
        Err(Error::Truncated { offset, place }) => (offset, place),
        other => panic!("{other:?}"),
    }
}

/// The fields of a header, as numbers.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) version: (u8, u8),
    pub(crate) cluster_size: u32,
    pub(crate) device_size: u64,
    pub(crate) nr_clusters: u64,
    pub(crate) inuse: u64,
}

/// A small device: 4 clusters of 256 bytes and a tail of 100.
pub(crate) const SMALL: Fields = Fields {
    version: (10, 1),
    cluster_size: 256,
    device_size: 4 * 256 + 100,
    nr_clusters: 4,
    inuse: 2,
};

/// An image written here, byte by byte.
#[derive(Clone)]
pub(crate) struct ByHand {
    pub(crate) bytes: Vec<u8>,
    is_big_endian: bool,
}

impl ByHand {
    /// A header of version 10, its data at `data_offset`.
    pub(crate) fn current(fields: Fields, data_offset: u32) -> Self {
        let mut image = Self::old(fields, false);
        image.bytes.extend(data_offset.to_le_bytes());
        // What stands there does not matter.
        image.bytes.resize(50.max(data_offset as usize), 0xEE);
        image
    }

    /// A header of 46 bytes, in either byte order.
    pub(crate) fn old(fields: Fields, is_big_endian: bool) -> Self {
        let bytes = b"\0ntfsclone-image".to_vec();
        let mut image = Self {
            bytes,
            is_big_endian,
        };
        image.bytes.extend([fields.version.0, fields.version.1]);
        image.bytes.extend(match is_big_endian {
            true => fields.cluster_size.to_be_bytes(),
            false => fields.cluster_size.to_le_bytes(),
        });
        for field in [fields.device_size, fields.nr_clusters, fields.inuse] {
            image.number(field);
        }
        image
    }

    pub(crate) fn gap(mut self, count: i64) -> Self {
        self.bytes.push(0);
        self.number(count as u64);
        self
    }

    /// The next cluster, or the tail: so many bytes of `byte`.
    pub(crate) fn next(mut self, byte: u8, len: usize) -> Self {
        self.bytes.push(1);
        self.bytes.resize(self.bytes.len() + len, byte);
        self
    }

    fn number(&mut self, number: u64) {
        self.bytes.extend(match self.is_big_endian {
            true => number.to_be_bytes(),
            false => number.to_le_bytes(),
        });
    }
}

/// [`SMALL`] with cluster 2 in use.
pub(crate) fn small_image() -> Vec<u8> {
    let image = ByHand::current(SMALL, 56);
    image.gap(2).next(7, 256).gap(1).next(9, 100).bytes
}
