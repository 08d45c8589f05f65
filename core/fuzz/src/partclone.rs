//! Images of partclone, in pieces and read at any offset.

use std::sync::Arc;

use ntfsclone_core::Result;
use ntfsclone_core::image::ntfsclone::Event;
use ntfsclone_core::image::partclone::{Decoder, Header, Index, Reader};
use ntfsclone_core::io::{ByteExtent, ReadAt, Source};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::open::{Layer, Nesting, Probe, Step};
use ntfsclone_core::validate::PartcloneCheck;

use super::image::split;

/// Four lengths of pieces, in turn, then an image. However it is cut, it decodes to the same; and
/// what is read of it by its index is what was decoded.
pub fn partclone(data: &[u8]) {
    let Some((image, pieces)) = split(data) else {
        return;
    };
    let in_pieces = decode(pieces);
    let whole = decode(Some(image).filter(|image| !image.is_empty()));
    assert_eq!(in_pieces, whole);
    check(image, whole.error.is_none());
    open(image);

    let Ok(index) = Index::read(image) else {
        assert!(whole.error.is_some(), "decoded without an index");
        return;
    };
    if whole.error.is_none() {
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
    if check.push(image, |_, _| {}).is_err() {
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
        let Ok(Step::Open(container)) = nesting.step(&source, probe.content()) else {
            break;
        };
        let Ok(inner) = container.open(&source) else {
            break;
        };
        nesting.pass(container.layer);
        source = inner;
    }
    let is_container = |layer: &&Layer| layer.is_container();
    assert!(nesting.layers().iter().filter(is_container).count() <= 2);
    let size = source.size();
    let mut offset = 0;
    for _ in 0..1000 {
        let Ok(extent) = source.extent_at(offset) else {
            break;
        };
        let (ByteExtent::Data { len } | ByteExtent::Zeros { len } | ByteExtent::Absent { len }) =
            extent;
        assert!(len <= size - offset, "an extent past the end");
        offset += len;
        if offset == size {
            break;
        }
        assert!(len > 0, "no progress");
    }
}

/// What an image holds, with neighbouring data joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decoded {
    header: Option<Header>,
    data: Vec<(u64, Vec<u8>)>,
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
                Event::Data { offset, bytes } => {
                    let header = decoded.header.expect("a header before data");
                    assert!(!bytes.is_empty() && bytes.len() <= header.block_size as usize);
                    let end = offset
                        .checked_add(bytes.len() as u64)
                        .expect("no data wraps");
                    assert!(end <= header.volume_size(), "data past the last block");
                    match decoded.data.last_mut() {
                        Some((start, last)) if *start + last.len() as u64 == offset => {
                            last.extend(bytes);
                        }
                        _ => decoded.data.push((offset, bytes.to_vec())),
                    }
                }
                Event::NeedInput => break,
                // To continue with what is left is an error.
                Event::End if input.is_empty() => break,
                Event::End => {}
            }
        }
        assert!(input.is_empty(), "input was left");
    }
    decoder.end_of_input()
}
