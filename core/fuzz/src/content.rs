//! The content of files.

use core::ops::Range;

use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::content::{Content, ContentError, Span};
use ntfsclone_core::ntfs::lznt1::decompress;
use ntfsclone_core::ntfs::wof::{self, Wof};
use ntfsclone_core::units::{Extent, RecordNumber};

/// Spans that are looked at of a file: holes take nothing to make.
const MAX_SPANS: usize = 4096;

/// Two bytes of the length, then a compression unit.
pub fn lznt1(data: &[u8]) {
    let Some((len, unit)) = data.split_first_chunk() else {
        return;
    };
    let len = usize::from(u16::from_le_bytes(*len));
    if let Ok(bytes) = decompress(unit, len) {
        assert_eq!(bytes.len(), len);
    }
}

/// The algorithm, two bytes of the length, then a chunk.
pub fn wof(data: &[u8]) {
    let Some(([algorithm, len @ ..], chunk)) = data.split_first_chunk::<3>() else {
        return;
    };
    let point: Vec<u8> = [wof::TAG, 16, 1, 2, 1, (*algorithm).into()]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let len = usize::from(u16::from_le_bytes(*len));
    let Some(wof) = Wof::new(&point, len as u64) else {
        return;
    };
    if let Ok(bytes) = wof.decompress(chunk.to_vec(), len) {
        assert_eq!(bytes.len(), len);
    }
}

/// A volume: the content of its first files, each stream of them.
pub fn content(data: &[u8]) {
    let Ok(volume) = Volume::open(data) else {
        return;
    };
    for record in (0..64).map(RecordNumber) {
        read(&volume, Content::open(&volume, record, ""));
        read(&volume, Content::open(&volume, record, "s"));
        read(&volume, Content::open_efs_raw(&volume, record));
    }
}

fn read(volume: &Volume<&[u8]>, opened: Result<Content, ContentError>) {
    let Ok(content) = opened else {
        return;
    };
    let geometry = volume.geometry();
    let mut position = 0;
    for _ in 0..MAX_SPANS {
        let Ok(Some(span)) = content.span_at(position) else {
            break;
        };
        let len = match span {
            Span::Resident(bytes) => bytes.len() as u64,
            Span::Hole(len) => len,
            Span::Stored { offset, len } => {
                bytes_at(volume, offset, len);
                len
            }
            Span::Compressed { extents, len } => {
                let mut unit = Vec::new();
                for Extent { start, len } in extents {
                    unit.extend(bytes_at(
                        volume,
                        geometry.offset(start),
                        geometry.bytes(len),
                    ));
                }
                if let Ok(bytes) = decompress(&unit, len) {
                    assert_eq!(bytes.len(), len);
                }
                len as u64
            }
            Span::Wof { chunk, len } => {
                let (wof, stream_size) = content.wof().expect("it says so");
                let entries = value(volume, &content, wof.entries(chunk));
                let place = wof.place(chunk, &entries, stream_size);
                let packed = place.map(|place| value(volume, &content, place));
                if let Ok(bytes) = packed.and_then(|packed| wof.decompress(packed, len)) {
                    assert_eq!(bytes.len(), len);
                }
                len as u64
            }
        };
        assert!(len > 0, "it does not go on");
        position += len;
    }
    assert!(position <= content.size());
}

/// Of the stream of a file that WOF compressed; fewer bytes where it has none.
fn value(volume: &Volume<&[u8]>, content: &Content, range: Range<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut position = range.start;
    while position < range.end {
        match content.value_at(position) {
            Ok(Some(Span::Stored { offset, len })) => {
                bytes.extend(bytes_at(volume, offset, len.min(range.end - position)));
            }
            Ok(Some(Span::Resident(rest))) => bytes.extend(rest.iter()),
            _ => break,
        }
        position = range.start + bytes.len() as u64;
    }
    bytes
}

/// They are there.
fn bytes_at<'a>(volume: &Volume<&'a [u8]>, offset: u64, len: u64) -> &'a [u8] {
    let start = usize::try_from(offset).expect("within the volume");
    let len = usize::try_from(len).expect("within the volume");
    &volume.source()[start..start + len]
}
