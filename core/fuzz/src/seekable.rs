//! Compressed images.

use ntfsclone_core::image::seekable::SeekableReader;
use ntfsclone_core::io::ReadAt;

/// Bytes of the stream that are read: a frame may decompress to many times
/// what it takes.
const READ: u64 = 4 << 20;

/// A file, after a byte that is odd if its checksums are to be put right
/// first. What it says is the same whichever way it is read.
pub fn seekable(data: &[u8]) {
    let Some((&mode, file)) = data.split_first() else {
        return;
    };
    let mut file = file.to_vec();
    if mode & 1 == 1 {
        put_right(&mut file);
    }
    let Ok(Some(reader)) = SeekableReader::open(file.as_slice()) else {
        return;
    };
    let table = reader.table();
    let sum: u64 = table.frames().map(|frame| frame.compressed_size).sum();
    assert_eq!(sum, table.position());
    assert!(sum <= file.len() as u64, "frames beyond the file");
    let sum: u64 = table.frames().map(|frame| frame.size).sum();
    assert_eq!(sum, reader.size());

    if let Ok(Some(summary)) = reader.summary() {
        assert_eq!(summary.head().stream_size, reader.size());
        if let Some(map) = summary.map() {
            let nr_clusters = summary.head().header.nr_clusters;
            let mut position = 0_u64;
            for run in map.map_while(Result::ok) {
                assert_eq!(position.checked_add_signed(run.gap), Some(run.start.0));
                position = run.start.0 + run.count;
                assert!(run.count > 0 && position <= nr_clusters + 1);
            }
        }
    }

    let mut frame = Vec::new();
    let mut left = READ;
    for (number, expected) in table.frames().enumerate() {
        let Some(after) = left.checked_sub(expected.size) else {
            break;
        };
        left = after;
        let mut again = vec![0; expected.size as usize];
        let is_read = reader.read_exact_at(expected.offset, &mut again).is_ok();
        match reader.read_frame(number, &mut frame) {
            Ok(()) => assert!(is_read && frame == again, "two contents"),
            Err(_) => assert!(!is_read, "read in spite of its damage"),
        }
        if let Some(offset) = expected.offset.checked_add(expected.size / 2)
            && expected.size > 0
        {
            assert_eq!(table.frame_at(offset), Some(number));
        }
    }
    let past = reader.read_exact_at(reader.size(), &mut [0]);
    assert!(past.is_err(), "a byte past the end");
}

/// Computes the checksums of the summary, wherever its end says it is: no
/// fuzzer would find them.
fn put_right(file: &mut [u8]) {
    let footer = file.len().saturating_sub(9);
    let Some(&[a, b, c, d, flags, ..]) = file.get(footer..).and_then(<[u8]>::first_chunk::<9>)
    else {
        return;
    };
    let entry = if flags & 0x80 == 0 { 8 } else { 12 };
    let table = u32::from_le_bytes([a, b, c, d]) as usize;
    let table = table.saturating_mul(entry).saturating_add(17);
    let end = file.len().saturating_sub(table);
    let size = file.get(end.saturating_sub(16)..end);
    let Some(&size) = size.and_then(<[u8]>::first_chunk::<8>) else {
        return;
    };
    let size = usize::try_from(u64::from_le_bytes(size)).unwrap_or(usize::MAX);
    let Some(start) = end.checked_sub(size) else {
        return;
    };
    let Some(summary) = file.get_mut(start..end) else {
        return;
    };
    let Some(content) = summary.len().checked_sub(48) else {
        return;
    };
    // The sum over all frames, wherever it is.
    let mut at = 20;
    while at + 12 <= content {
        let len: [u8; 8] = summary[at + 4..at + 12].try_into().expect("8 bytes");
        let len = usize::try_from(u64::from_le_bytes(len)).unwrap_or(usize::MAX);
        let next = (at + 12).saturating_add(len);
        if next > content {
            break;
        }
        if &summary[at..at + 4] == b"HASH" && len >= 32 {
            let hash = blake3::hash(&summary[at + 44..next]);
            summary[at + 12..at + 44].copy_from_slice(hash.as_bytes());
        }
        at = next;
    }
    let hash = blake3::hash(&summary[..content]);
    summary[content..content + 32].copy_from_slice(hash.as_bytes());
}
