//! Writes a stream-optimised VMDK: a header with the descriptor, the compressed grains, a table
//! after the grains that it is for, the directory of the tables, and the footer, which is the
//! header with the place of the directory.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::take;

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use super::{AT_END, DEFLATE, ENTRY, GrainMarker, HAS_MARKERS, Header, IS_COMPRESSED, MAGIC};
use crate::disk::SECTOR;
use crate::error::{Error, Result};
use crate::units::{len_u64, len_usize};
use crate::write::disk::identifier;
use crate::write::{DiskContent, Encode, Out, Stopped};

/// Sectors of a grain: 64 KiB, the only size that VMware's products take.
const GRAIN_SECTORS: u64 = 128;
const GRAIN: u64 = GRAIN_SECTORS * SECTOR;
/// Entries of a table.
const TABLE_ENTRIES: u64 = 512;
const TABLE_BYTES: u64 = TABLE_ENTRIES * ENTRY;
const DESCRIPTOR_SECTORS: u64 = 20;
/// Sectors before the first grain.
const OVERHEAD: u64 = 128;
/// Of stream-optimised extents.
const VERSION: u32 = 3;
/// Line ends in the header are there to be checked.
const HAS_LINE_ENDS: u32 = 1 << 0;
const LINE_ENDS: [u8; 4] = *b"\n \r\n";
/// Sectors of the file are counted in 32 bits: of a disk of this size they are, whatever its
/// content compresses to.
const MAX_DISK: u64 = 2 << 40;
/// zlib's default, as QEMU's.
#[cfg(feature = "fast-gzip")]
const LEVEL: i32 = 6;
/// The default would take five times as long, on one thread.
#[cfg(not(feature = "fast-gzip"))]
const LEVEL: u8 = 1;

/// What a marker is of.
const MARKER_END: u32 = 0;
const MARKER_TABLE: u32 = 1;
const MARKER_DIRECTORY: u32 = 2;
const MARKER_FOOTER: u32 = 3;

struct VmdkEncoder {
    /// Bytes of the disk.
    size: u64,
    serial_number: u64,
    has_begun: bool,
    /// The number of the grain that is being filled, and its content.
    grain: Option<u64>,
    content: Vec<u8>,
    /// The numbers of the grains before that are not written yet, and their content.
    complete: Vec<u64>,
    blocks: Vec<Vec<u8>>,
    /// The sector of each grain that the current table is for; 0 if it is not stored.
    table: Vec<u32>,
    table_number: u64,
    /// The sector of each table before; 0 if there is none.
    directory: Vec<u32>,
    /// Bytes of the file so far: whole sectors.
    position: u64,
}

/// An encoder of the disk.
///
/// # Errors
///
/// [`Error::DiskTooLarge`].
pub(crate) fn encoder(content: &dyn DiskContent) -> Result<Box<dyn Encode + Send>> {
    let disk = content.disk();
    let size = disk.size;
    if size > MAX_DISK {
        return Err(Error::DiskTooLarge {
            format: "VMDK",
            size,
            limit: MAX_DISK,
        });
    }
    Ok(Box::new(VmdkEncoder {
        size,
        serial_number: disk.serial_number,
        has_begun: false,
        grain: None,
        content: Vec::new(),
        complete: Vec::new(),
        blocks: Vec::new(),
        table: Vec::new(),
        table_number: 0,
        directory: Vec::new(),
        position: 0,
    }))
}

impl VmdkEncoder {
    fn begin(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        let mut start = self.header(AT_END).as_bytes().to_vec();
        start.resize(len_usize(SECTOR), 0);
        start.extend(self.descriptor().bytes());
        start.resize(len_usize(OVERHEAD * SECTOR), 0);
        self.put(&start, out)
    }

    fn header(&self, directory: u64) -> PaddedHeader {
        PaddedHeader {
            header: Header {
                magic: *MAGIC,
                version: U32::new(VERSION),
                flags: U32::new(HAS_LINE_ENDS | IS_COMPRESSED | HAS_MARKERS),
                capacity: U64::new(self.size / SECTOR),
                grain_size: U64::new(GRAIN_SECTORS),
                descriptor_offset: U64::new(1),
                descriptor_size: U64::new(DESCRIPTOR_SECTORS),
                entries_per_table: U32::new(low_u32(TABLE_ENTRIES)),
                redundant_directory: U64::new(0),
                directory: U64::new(directory),
                overhead: U64::new(OVERHEAD),
                unclean_shutdown: 0,
                line_ends: LINE_ENDS,
                compression: U16::new(DEFLATE),
            },
            padding: [0; 433],
        }
    }

    fn descriptor(&self) -> String {
        const HEADS: u64 = 255;
        const SECTORS: u64 = 63;
        let sectors = self.size / SECTOR;
        let cylinders = (sectors / (HEADS * SECTORS)).max(1);
        let [a, b, c, d, ..] = identifier(self.serial_number, "change");
        format!(
            "# Disk DescriptorFile\n\
             version=1\n\
             CID={a:02x}{b:02x}{c:02x}{d:02x}\n\
             parentCID=ffffffff\n\
             createType=\"streamOptimized\"\n\
             \n\
             # Extent description\n\
             RW {sectors} SPARSE \"disk.vmdk\"\n\
             \n\
             # The Disk Data Base\n\
             #DDB\n\
             \n\
             ddb.virtualHWVersion = \"4\"\n\
             ddb.geometry.cylinders = \"{cylinders}\"\n\
             ddb.geometry.heads = \"{HEADS}\"\n\
             ddb.geometry.sectors = \"{SECTORS}\"\n\
             ddb.adapterType = \"lsilogic\"\n"
        )
    }

    /// Ends the current grain.
    fn end_grain(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        let Some(grain) = self.grain.take() else {
            return Ok(());
        };
        if self.content.iter().all(|byte| *byte == 0) {
            // What is not stored is zeros.
            self.content.clear();
            return Ok(());
        }
        // The last grain ends with the disk.
        let len = GRAIN.min(self.size.saturating_sub(grain.saturating_mul(GRAIN)));
        self.content.resize(len_usize(len), 0);
        self.complete.push(grain);
        self.blocks.push(take(&mut self.content));
        match self.blocks.len() < out.blocks_at_once() {
            true => Ok(()),
            false => self.put_grains(out),
        }
    }

    /// Writes the grains that are complete.
    fn put_grains(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        // Not a closure: `cargo xtask web` finds functions of this module by their names.
        out.for_each_block(&mut self.blocks, compress_in_place);
        let blocks = take(&mut self.blocks);
        for (grain, compressed) in take(&mut self.complete).into_iter().zip(blocks) {
            self.put_grain(grain, &compressed, out)?;
        }
        Ok(())
    }

    fn put_grain(
        &mut self,
        grain: u64,
        compressed: &[u8],
        out: &mut dyn Out,
    ) -> Result<(), Stopped> {
        let (table_number, index) = (grain / TABLE_ENTRIES, grain % TABLE_ENTRIES);
        if table_number != self.table_number {
            self.end_table(out)?;
            self.table_number = table_number;
        }
        let marker = GrainMarker {
            sector: U64::new(grain.saturating_mul(GRAIN_SECTORS)),
            size: U32::new(low_u32(len_u64(compressed.len()))),
        };
        self.table.resize(len_usize(index), 0);
        self.table.push(self.sector());
        let mut bytes = marker.as_bytes().to_vec();
        bytes.extend_from_slice(compressed);
        self.put(&bytes, out)
    }

    /// Writes the current table, if there is a grain in it.
    fn end_table(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        if self.table.is_empty() {
            return Ok(());
        }
        let mut bytes: Vec<u8> = Vec::new();
        for sector in self.table.drain(..) {
            bytes.extend_from_slice(&sector.to_le_bytes());
        }
        bytes.resize(len_usize(TABLE_BYTES), 0);
        self.put_marker(MARKER_TABLE, TABLE_BYTES, out)?;
        self.directory.resize(len_usize(self.table_number), 0);
        self.directory.push(self.sector());
        self.put(&bytes, out)
    }

    /// Writes what precedes a part of so many bytes.
    fn put_marker(&mut self, kind: u32, len: u64, out: &mut dyn Out) -> Result<(), Stopped> {
        let sectors = len.div_ceil(SECTOR);
        let marker = [&sectors.to_le_bytes()[..], &[0; 4], &kind.to_le_bytes()];
        self.put(&marker.concat(), out)
    }

    /// Writes bytes, and zeros up to a whole sector.
    fn put(&mut self, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped> {
        const ZEROS: [u8; 512] = [0; 512];
        let len = len_u64(bytes.len());
        let padded = len.checked_next_multiple_of(SECTOR).unwrap_or(len);
        let padding = len_usize(padded.saturating_sub(len));
        self.position = self.position.saturating_add(padded);
        out.put(bytes)?;
        out.put(ZEROS.get(..padding).unwrap_or_default())
    }

    /// The next sector of the file.
    fn sector(&self) -> u32 {
        low_u32(self.position / SECTOR)
    }
}

/// A header in its sector.
#[derive(IntoBytes, zerocopy::Immutable)]
#[repr(C)]
struct PaddedHeader {
    header: Header,
    padding: [u8; 433],
}

const _: () = assert!(size_of::<PaddedHeader>() == 512);

impl Encode for VmdkEncoder {
    fn data(&mut self, offset: u64, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped> {
        self.begin(out)?;
        let (mut offset, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (grain, within) = (offset / GRAIN, offset % GRAIN);
            if self.grain != Some(grain) {
                self.end_grain(out)?;
                self.grain = Some(grain);
            }
            self.content.resize(len_usize(within), 0);
            let space = len_usize(GRAIN.saturating_sub(within));
            let (piece, after) = rest.split_at_checked(space).unwrap_or((rest, &[]));
            self.content.extend_from_slice(piece);
            offset = offset.saturating_add(len_u64(piece.len()));
            rest = after;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        self.begin(out)?;
        self.end_grain(out)?;
        self.put_grains(out)?;
        self.end_table(out)?;
        let tables = self.size.div_ceil(GRAIN).div_ceil(TABLE_ENTRIES);
        self.directory.resize(len_usize(tables), 0);
        let mut directory = Vec::new();
        for sector in &self.directory {
            directory.extend_from_slice(&sector.to_le_bytes());
        }
        self.put_marker(MARKER_DIRECTORY, len_u64(directory.len()), out)?;
        let place = self.sector();
        self.put(&directory, out)?;
        self.put_marker(MARKER_FOOTER, SECTOR, out)?;
        let footer = self.header(place.into());
        self.put(footer.as_bytes(), out)?;
        self.put_marker(MARKER_END, 0, out)
    }
}

/// In the zlib format (RFC 1950).
#[cfg(feature = "fast-gzip")]
fn compress(content: &[u8]) -> Vec<u8> {
    let mut compressed = alloc::vec![0; zlib_rs::compress_bound(content.len())];
    let config = zlib_rs::DeflateConfig::new(LEVEL);
    let (bytes, _) = zlib_rs::compress_slice(&mut compressed, content, config);
    let len = bytes.len();
    compressed.truncate(len);
    compressed
}

fn compress_in_place(block: &mut Vec<u8>) {
    *block = compress(block);
}

/// In the zlib format (RFC 1950).
#[cfg(not(feature = "fast-gzip"))]
fn compress(content: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(content, LEVEL)
}

/// Of a disk within [`MAX_DISK`], all fit.
fn low_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
