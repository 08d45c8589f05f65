//! Virtual disks, read at any offset.

use std::sync::Arc;

use ntfsclone_core::disk::{Absence, DiskFormat, Neighbour, Neighbours};
use ntfsclone_core::io::{IoError, ReadAt, Source};
use ntfsclone_core::open::Container;
use ntfsclone_core::{Error, Result};

/// Bytes that are read of a disk, from each of some offsets on.
const READ: u64 = 64 << 10;

struct File(Vec<u8>);

impl ReadAt for File {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.0.as_slice().read_exact_at(offset, buf)
    }
}

/// A file. Where its disk can be read, it reads the same however it is read.
pub fn disk(format: DiskFormat, data: &[u8]) {
    check(format, Files::of(data.to_vec()));
}

/// Files of a disk, each after its length in 3 bytes. The first one follows a byte for the format.
/// Checksums are made right: a fuzzer does not find them.
pub fn disk_files(data: &[u8]) {
    let Some((format, mut rest)) = data.split_first() else {
        return;
    };
    let mut files = Vec::new();
    while let Some((&[a, b, c], after)) = rest.split_first_chunk() {
        let len = after.len().min(u32::from_le_bytes([a, b, c, 0]) as usize);
        let (file, after) = after.split_at(len);
        let mut file = file.to_vec();
        redo_vhd_checksums(&mut file);
        redo_ewf_checksums(&mut file);
        files.push(Arc::new(File(file)));
        rest = after;
    }
    if files.is_empty() {
        return;
    }
    let format = match format % 5 {
        0 => DiskFormat::Ewf,
        1 => DiskFormat::Qcow2,
        2 => DiskFormat::Vdi,
        3 => DiskFormat::Vhd,
        _ => DiskFormat::Vmdk,
    };
    check(format, Files(files));
}

/// The files of a disk, of which the first one has the name `0.E01`. A path is that of a file by
/// a digit in it, or else of the last one.
struct Files(Vec<Arc<File>>);

impl Files {
    fn of(file: Vec<u8>) -> Self {
        Self(vec![Arc::new(File(file))])
    }
}

impl Neighbours for Files {
    fn first(&self) -> String {
        "0.E01".to_owned()
    }

    fn open(&self, _: &str, path: &str) -> Result<Neighbour> {
        let digit = path.chars().rev().find_map(|letter| letter.to_digit(10));
        let index = digit.map_or(self.0.len() - 1, |digit| digit as usize);
        let file = self.0.get(index).ok_or_else(|| Error::FileNeeded {
            path: path.to_owned(),
            absence: Absence::Missing,
        })?;
        Ok(Neighbour {
            name: format!("{index}.E{:02}", index + 1),
            source: Arc::<File>::clone(file),
        })
    }

    fn list(&self, _: &str, extension: &str) -> Result<Vec<String>> {
        let names = (0..self.0.len()).map(|index| format!("{index}.{extension}"));
        Ok(names.collect())
    }
}

/// A VHD, its checksums made right: a fuzzer does not find them.
pub fn vhd(data: &[u8]) {
    let mut file = data.to_vec();
    redo_vhd_checksums(&mut file);
    check(DiskFormat::Vhd, Files::of(file));
}

fn redo_vhd_checksums(file: &mut [u8]) {
    const COOKIES: [&[u8]; 2] = [b"conectix", b"cxsparse"];
    let last = file.len().saturating_sub(512);
    for start in [0, 512, last] {
        if let Some(bytes) = file.get_mut(start..)
            && COOKIES.iter().any(|cookie| bytes.starts_with(cookie))
        {
            let (len, offset) = match bytes.starts_with(b"cxsparse") {
                true => (1024, 36),
                false => (512, 64),
            };
            if let Some(bytes) = bytes.get_mut(..len) {
                bytes[offset..offset + 4].fill(0);
                let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
                bytes[offset..offset + 4].copy_from_slice(&(!sum).to_be_bytes());
            }
        }
    }
}

/// Those of the sections and tables of a segment (E01).
fn redo_ewf_checksums(file: &mut [u8]) {
    if !file.starts_with(b"EVF") {
        return;
    }
    let mut offset = 13;
    for _ in 0..100 {
        let Some(next) = number(file, offset + 16) else {
            return;
        };
        redo_adler32(file, offset, 72);
        let table = offset + 76;
        if file[offset..].starts_with(b"table")
            && let Some(entries) = number(file, table)
        {
            redo_adler32(file, table, 20);
            redo_adler32(file, table + 24, entries.saturating_mul(4));
        }
        if next <= offset {
            return;
        }
        offset = next;
    }
}

fn number(file: &[u8], offset: usize) -> Option<usize> {
    let bytes = file.get(offset..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes) as usize)
}

fn redo_adler32(file: &mut [u8], start: usize, len: usize) {
    let Some(bytes) = file.get_mut(start..start.saturating_add(len).saturating_add(4)) else {
        return;
    };
    let (a, b) = bytes[..len].iter().fold((1, 0), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    let checksum: u32 = b << 16 | a;
    bytes[len..].copy_from_slice(&checksum.to_le_bytes());
}

/// A VHDX, which is large: its pieces that are not zeros, each after its offset and length. Its
/// checksums are made right.
pub fn vhdx(data: &[u8]) {
    const MAX_SIZE: usize = 6 << 20;
    const KIB: usize = 1 << 10;
    let mut file = Vec::new();
    let mut rest = data;
    while let Some((&[a, b, c, d, e], after)) = rest.split_first_chunk::<5>() {
        let offset = u32::from_le_bytes([a, b, c, 0]) as usize * 8;
        let len = after.len().min(u16::from_le_bytes([d, e]).into());
        let (piece, after) = after.split_at(len);
        rest = after;
        let end = (offset + len).min(MAX_SIZE);
        if offset < end {
            file.resize(file.len().max(end), 0);
            file[offset..end].copy_from_slice(&piece[..end - offset]);
        }
    }
    for (offset, len) in [
        (64 * KIB, 4 * KIB),
        (128 * KIB, 4 * KIB),
        (192 * KIB, 64 * KIB),
        (256 * KIB, 64 * KIB),
    ] {
        redo_checksum(&mut file, offset, len);
    }
    // Entries of the log.
    for offset in (1 << 20..file.len().min(2 << 20)).step_by(4 * KIB) {
        if file[offset..].starts_with(b"loge") {
            let len = file.get(offset + 8..).and_then(<[u8]>::first_chunk);
            let len = len.map_or(0, |len| u32::from_le_bytes(*len)) as usize;
            redo_checksum(&mut file, offset, len);
        }
    }
    check(DiskFormat::Vhdx, Files::of(file));
}

fn redo_checksum(file: &mut [u8], offset: usize, len: usize) {
    let end = offset.saturating_add(len);
    let Some(bytes) = file.get_mut(offset..end).filter(|bytes| bytes.len() >= 8) else {
        return;
    };
    bytes[4..8].fill(0);
    let step = |crc: u32| crc >> 1 ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 };
    let table: Vec<u32> = (0..256)
        .map(|byte| (0..8).fold(byte, |crc, _| step(crc)))
        .collect();
    let checksum = !bytes.iter().fold(u32::MAX, |crc, &byte| {
        crc >> 8 ^ table[usize::from(crc as u8 ^ byte)]
    });
    bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
}

fn check(format: DiskFormat, files: Files) {
    let source: Source = Arc::<File>::clone(&files.0[0]);
    let Ok(opened) = Container::Disk(format).open(&source, &files) else {
        return;
    };
    let disk = opened.source;
    let size = disk.size();
    for start in [0, size / 3, size / 2, size.saturating_sub(READ)] {
        let len = READ.min(size - start);
        let mut whole = vec![0xEE; len as usize];
        let Ok(()) = disk.read_exact_at(start, &mut whole) else {
            continue;
        };
        let mut offset = start;
        for piece in whole.chunks(777) {
            let mut read = vec![0xDD; piece.len()];
            disk.read_exact_at(offset, &mut read).expect("it was read");
            assert_eq!(read, piece, "read otherwise");
            offset += piece.len() as u64;
        }
    }
    let mut offset = 0;
    for _ in 0..100 {
        let Ok(extent) = disk.extent_at(offset) else {
            break;
        };
        let (ntfsclone_core::io::ByteExtent::Data { len }
        | ntfsclone_core::io::ByteExtent::Absent { len }) = extent;
        assert!(len > 0 || offset == size, "an extent is empty");
        assert!(offset + len <= size, "an extent is beyond the end");
        offset += len;
    }
}
