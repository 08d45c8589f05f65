//! The content of files.

use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::content::{Content, Span};
use ntfsclone_core::ntfs::lznt1::decompress;
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

/// A volume: the content of its first files, each stream of them.
pub fn content(data: &[u8]) {
    let Ok(volume) = Volume::open(data) else {
        return;
    };
    for record in (0..64).map(RecordNumber) {
        read(&volume, record, "");
        read(&volume, record, "s");
    }
}

fn read(volume: &Volume<&[u8]>, record: RecordNumber, stream: &str) {
    let Ok(content) = Content::open(volume, record, stream) else {
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
        };
        assert!(len > 0, "it does not go on");
        position += len;
    }
    assert!(position <= content.size());
}

/// They are there.
fn bytes_at<'a>(volume: &Volume<&'a [u8]>, offset: u64, len: u64) -> &'a [u8] {
    let start = usize::try_from(offset).expect("within the volume");
    let len = usize::try_from(len).expect("within the volume");
    &volume.source()[start..start + len]
}
