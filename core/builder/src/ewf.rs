//! Forensic images (EWF version 1, E01), in one segment or several.

use crate::virtual_disk::{SECTOR, adler32, put, zlib};

const SIGNATURE: &[u8] = b"EVF\x09\r\n\xFF\0";
const SEGMENT_HEADER: usize = 13;
const SECTION_HEADER: usize = 76;
const TABLE_HEADER: usize = 24;

/// How an image is written.
#[derive(Clone, Copy, Debug)]
pub struct Ewf {
    /// Sectors of a chunk.
    pub chunk: usize,
    /// Chunks of a table; a segment has one table.
    pub table: usize,
    /// Chunks are compressed, but for every third one.
    pub is_compressed: bool,
}

/// The segments of an image.
pub fn ewf(disk: &[u8], form: Ewf) -> Vec<Vec<u8>> {
    let chunk_size = form.chunk * SECTOR;
    let chunks: Vec<&[u8]> = disk.chunks(chunk_size).collect();
    let parts: Vec<&[&[u8]]> = chunks.chunks(form.table).collect();
    let mut segments = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let mut file = SIGNATURE.to_vec();
        file.push(1);
        file.extend((index as u16 + 1).to_le_bytes());
        file.extend([0, 0]);
        let mut volume = vec![0; 94];
        for (offset, value) in [
            (0, 1),
            (4, chunks.len()),
            (8, form.chunk),
            (12, SECTOR),
            (16, disk.len() / SECTOR),
        ] {
            put(&mut volume, offset, &(value as u32).to_le_bytes());
        }
        let volume_kind = if index == 0 { "volume" } else { "data" };
        append_section(&mut file, volume_kind, &volume);

        let base = file.len() + SECTION_HEADER;
        let (mut data, mut entries) = (Vec::new(), Vec::new());
        for (number, chunk) in part.iter().enumerate() {
            let is_compressed = form.is_compressed && number % 3 != 2;
            let entry = data.len() as u32 | u32::from(is_compressed) << 31;
            entries.extend(entry.to_le_bytes());
            match is_compressed {
                true => data.extend(zlib(chunk)),
                false => data.extend([*chunk, &adler32(chunk).to_le_bytes()].concat()),
            }
        }
        append_section(&mut file, "sectors", &data);
        let mut table = vec![0; TABLE_HEADER];
        put(&mut table, 0, &(part.len() as u32).to_le_bytes());
        put(&mut table, 8, &(base as u64).to_le_bytes());
        table.extend(&entries);
        table.extend([0; 4]);
        append_section(&mut file, "table", &table);
        append_section(&mut file, "table2", &table);
        let is_last = index + 1 == parts.len();
        append_section(&mut file, if is_last { "done" } else { "next" }, &[]);
        redo_ewf_checksums(&mut file);
        segments.push(file);
    }
    segments
}

fn append_section(file: &mut Vec<u8>, kind: &str, data: &[u8]) {
    let mut header = vec![0; SECTION_HEADER];
    let size = SECTION_HEADER + data.len();
    let next = match kind {
        "next" | "done" => file.len(),
        _ => file.len() + size,
    };
    put(&mut header, 0, kind.as_bytes());
    put(&mut header, 16, &(next as u64).to_le_bytes());
    put(&mut header, 24, &(size as u64).to_le_bytes());
    file.extend(header);
    file.extend(data);
}

/// Makes the checksums of the sections and tables of a segment right.
pub fn redo_ewf_checksums(file: &mut [u8]) {
    let number = |file: &[u8], offset: usize| {
        let bytes = file.get(offset..offset + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let redo = |file: &mut [u8], start: usize, len: usize| {
        let Some(bytes) = file.get_mut(start..start.saturating_add(len).saturating_add(4)) else {
            return;
        };
        let checksum = adler32(&bytes[..len]);
        bytes[len..].copy_from_slice(&checksum.to_le_bytes());
    };
    let mut offset = SEGMENT_HEADER;
    while let Some(next) = number(file, offset + 16) {
        redo(file, offset, SECTION_HEADER - 4);
        let table = offset + SECTION_HEADER;
        if file[offset..].starts_with(b"table")
            && let Some(entries) = number(file, table)
        {
            redo(file, table, TABLE_HEADER - 4);
            redo(file, table + TABLE_HEADER, entries.saturating_mul(4));
        }
        if next <= offset {
            break;
        }
        offset = next;
    }
}
