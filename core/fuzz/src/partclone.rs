//! Images of partclone, in pieces and read at any offset.

use std::sync::Arc;

use ntfsclone_core::check::{PartcloneCheck, StreamedCheck};
use ntfsclone_core::disk::NoNeighbours;
use ntfsclone_core::image::partclone::{Decoder, Index, Reader};
use ntfsclone_core::io::{ByteExtent, ReadAt, Source};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::open::{Inward, Layer, Nesting, Probe};

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
    check(image, error.is_none());
    open(image);

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

/// Checks the image; what is decoded without an error is sound.
fn check(image: &[u8], is_sound: bool) {
    let mut check = PartcloneCheck::new();
    if check.push(image, &mut |_, _| {}).is_err() {
        return;
    }
    let checked = check.end();
    let nothing_found = checked.findings.is_sound() && checked.losses.is_empty();
    assert_eq!(nothing_found, is_sound, "checked otherwise");
}

/// Opens the image, and what is in it, as far as that goes.
fn open(image: &[u8]) {
    let mut source: Source = Arc::new(Arc::<[u8]>::from(image));
    let mut nesting = Nesting::default();
    while let Ok(probe) = Probe::new(&source) {
        let Ok(Inward::Open(container)) = nesting.step(&source, probe.content()) else {
            break;
        };
        let Ok(inner) = container.open(&source, &NoNeighbours) else {
            break;
        };
        nesting.pass(container.layer(&inner.files));
        source = inner.source;
    }
    let is_container = |layer: &&Layer| layer.is_container();
    assert!(nesting.layers().iter().filter(is_container).count() <= 2);
    let size = source.size();
    let mut offset = 0;
    for _ in 0..1000 {
        let Ok(extent) = source.extent_at(offset) else {
            break;
        };
        let (ByteExtent::Data { len } | ByteExtent::Absent { len }) = extent;
        assert!(len <= size - offset, "an extent past the end");
        offset += len;
        if offset == size {
            break;
        }
        assert!(len > 0, "no progress");
    }
}
