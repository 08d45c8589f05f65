//! Images of partclone, in pieces and read at any offset.

use ntfsclone_core::image::partclone::{Decoder, Index, Reader};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::Volume;

use super::image::{decode, split};

/// Four lengths of pieces, in turn, then an image. However it is cut, it decodes to the same; and
/// what is read of it by its index is what was decoded.
pub fn partclone(data: &[u8]) {
    let Some((image, pieces)) = split(data) else {
        return;
    };
    let in_pieces = decode::<Decoder>(pieces);
    let whole = decode::<Decoder>(Some(image).filter(|image| !image.is_empty()));
    assert_eq!(in_pieces, whole);
    let (whole, error) = whole;

    let Ok(index) = Index::read(image) else {
        assert!(error.is_some(), "decoded without an index");
        return;
    };
    if error.is_none() {
        assert_eq!(index.image_size(), image.len() as u64);
        let stored: u64 = index.extents().map(|extent| extent.len).sum();
        assert_eq!(index.blocks().len(), stored);
    }
    let reader = Reader::new(image, index);
    for (offset, bytes) in &whole.data {
        let mut read = vec![0xEE; bytes.len()];
        reader
            .read_exact_at(*offset, &mut read)
            .expect("it was decoded");
        assert!(&read == bytes, "read otherwise");
    }
    let _ = Volume::open(&reader);
}
