//! The file of an index: `docs/side-index.md`.

use alloc::vec;
use alloc::vec::Vec;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::point::{POINT_BYTES, Point, RawPoint};
use crate::io::{IoError, ReadAt, Source};
use crate::stream::Compression;
use crate::units::len_usize;

/// Bytes of a block of the content, which has a checksum.
pub const BLOCK_BYTES: u64 = 1 << 20;

/// Bytes of a checksum: the first half of that of BLAKE3.
pub(super) const SUM_BYTES: usize = 16;

/// The checksum of a block.
pub(super) type Sum = [u8; SUM_BYTES];

const MAGIC: [u8; 8] = *b"NTFSCSIX";
const VERSION: u32 = 1;

/// Formats that have an index, by their number in the file.
const FORMATS: [(u32, Compression); 5] = [
    (1, Compression::Gzip),
    (2, Compression::Zstd),
    (3, Compression::Xz),
    (4, Compression::Bzip2),
    (5, Compression::Lz4),
];

/// What the file begins with.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RawHeader {
    magic: [u8; 8],
    version: U32,
    /// See [`FORMATS`].
    format: U32,
    compressed_size: U64,
    size: U64,
    /// What the stream is recognised by.
    identity: [u8; 32],
    block_size: U32,
    nr_points: U32,
    /// Of the header, with zeros here, and both tables.
    tables_sum: Sum,
}

const _: () = assert!(size_of::<RawHeader>() == 88);

impl RawHeader {
    pub(super) fn new(
        compression: Compression,
        compressed_size: u64,
        size: u64,
        identity: [u8; 32],
        nr_points: usize,
    ) -> Self {
        let format = FORMATS.iter().find(|(_, one)| *one == compression);
        Self {
            magic: MAGIC,
            version: U32::new(VERSION),
            format: U32::new(format.map_or(0, |(number, _)| *number)),
            compressed_size: U64::new(compressed_size),
            size: U64::new(size),
            identity,
            block_size: U32::new(u32::try_from(BLOCK_BYTES).unwrap_or_default()),
            nr_points: U32::new(u32::try_from(nr_points).unwrap_or_default()),
            tables_sum: [0; SUM_BYTES],
        }
    }

    pub(super) fn with_sum(self, tables_sum: Sum) -> Self {
        Self { tables_sum, ..self }
    }
}

/// The checksum of a header, whatever that has for it, and the tables behind it.
pub(super) fn tables_sum(header: &RawHeader, tables: &[u8]) -> Sum {
    let mut hasher = blake3::Hasher::new();
    hasher.update(header.with_sum([0; SUM_BYTES]).as_bytes());
    hasher.update(tables);
    let mut sum = [0; SUM_BYTES];
    for (byte, &found) in sum.iter_mut().zip(hasher.finalize().as_bytes()) {
        *byte = found;
    }
    sum
}

/// Why a file is not an index that can be used.
#[derive(Debug, thiserror::Error)]
pub enum SeekIndexError {
    /// It does not begin as one.
    #[error("is not an index of a compressed stream")]
    Magic,
    /// It is of a later version.
    #[error("is an index of version {0}, which is not known here")]
    Version(u32),
    /// It is damaged or cut short.
    #[error("the index is damaged: {0}")]
    Damaged(&'static str),
    /// Its tables do not fit into memory.
    #[error("there is no memory for the index")]
    Memory,
    /// It cannot be read.
    #[error("the index cannot be read")]
    Io(#[source] IoError),
}

/// An index whose tables are in memory; windows stay in the file.
pub struct SeekIndex {
    file: Source,
    header: RawHeader,
    compression: Compression,
    sums: Vec<u8>,
    points: Vec<(Point, RawPoint)>,
}

impl SeekIndex {
    /// Whether a file that begins with `start` begins as an index.
    pub fn begins(start: &[u8]) -> bool {
        start.starts_with(&MAGIC)
    }

    /// Reads the tables of an index.
    ///
    /// # Errors
    ///
    /// See [`SeekIndexError`].
    pub fn open(file: Source) -> Result<Self, SeekIndexError> {
        let mut header = [0; size_of::<RawHeader>()];
        if file.size() < u64::try_from(header.len()).unwrap_or(u64::MAX) {
            return Err(SeekIndexError::Magic);
        }
        file.read_exact_at(0, &mut header)
            .map_err(SeekIndexError::Io)?;
        let header = RawHeader::read_from_bytes(&header).map_err(|_| SeekIndexError::Magic)?;
        if header.magic != MAGIC {
            return Err(SeekIndexError::Magic);
        }
        if header.version.get() != VERSION {
            return Err(SeekIndexError::Version(header.version.get()));
        }
        let format = header.format.get();
        let (_, compression) = FORMATS
            .into_iter()
            .find(|(number, _)| *number == format)
            .ok_or(SeekIndexError::Damaged("its format is unknown"))?;
        if u64::from(header.block_size.get()) != BLOCK_BYTES {
            return Err(SeekIndexError::Damaged("its blocks have another size"));
        }
        let tables = read_tables(&file, &header)?;
        let sums_len = len_usize(header.size.get().div_ceil(BLOCK_BYTES)).saturating_mul(SUM_BYTES);
        let (sums, raw_points) = tables
            .split_at_checked(sums_len)
            .ok_or(SeekIndexError::Damaged("it ends within its tables"))?;
        let index = Self {
            sums: sums.to_vec(),
            points: points_in(raw_points, &header, file.size())?,
            file,
            header,
            compression,
        };
        Ok(index)
    }

    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        self.header.size.get()
    }

    /// Bytes of the compressed stream.
    pub fn compressed_size(&self) -> u64 {
        self.header.compressed_size.get()
    }

    /// The format of the stream.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// What the stream is recognised by; whoever builds an index decides what that is.
    pub fn identity(&self) -> [u8; 32] {
        self.header.identity
    }

    /// The points, in order; the first is at the start.
    pub fn points(&self) -> impl ExactSizeIterator<Item = Point> {
        self.points.iter().map(|(point, _)| *point)
    }

    /// The checksum of a block of the content.
    pub(super) fn sum(&self, block: u64) -> Option<Sum> {
        let start = len_usize(block).checked_mul(SUM_BYTES)?;
        self.sums.get(start..)?.first_chunk().copied()
    }

    /// The number of the last point at `offset` or before it.
    pub(super) fn point_before(&self, offset: u64) -> Option<usize> {
        let after = self
            .points
            .partition_point(|(point, _)| point.offset <= offset);
        after.checked_sub(1)
    }

    /// A point, and what its decoder has to know.
    pub(super) fn point(&self, number: usize) -> Result<(Point, Vec<u8>), SeekIndexError> {
        let (point, raw) = self
            .points
            .get(number)
            .ok_or(SeekIndexError::Damaged("it lacks a point"))?;
        let mut stored = vec![0; len_usize(raw.window_stored.get().into())];
        if stored.is_empty() {
            return Ok((*point, stored));
        }
        let read = self
            .file
            .read_exact_at(raw.window_offset.get(), &mut stored);
        read.map_err(SeekIndexError::Io)?;
        let mut window = Vec::new();
        let len = len_usize(raw.window_len.get().into());
        window
            .try_reserve_exact(len)
            .map_err(|_| SeekIndexError::Memory)?;
        window.resize(len, 0);
        match zstd_safe::decompress(window.as_mut_slice(), &stored) {
            Ok(found) if found == len => Ok((*point, window)),
            _ => Err(SeekIndexError::Damaged("a window cannot be decompressed")),
        }
    }
}

/// Reads both tables, which the header and their checksum describe.
fn read_tables(file: &Source, header: &RawHeader) -> Result<Vec<u8>, SeekIndexError> {
    let start = u64::try_from(size_of::<RawHeader>()).unwrap_or(u64::MAX);
    let sums = header.size.get().div_ceil(BLOCK_BYTES);
    let len = sums.checked_mul(16).and_then(|sums| {
        let points = u64::from(header.nr_points.get()).checked_mul(40)?;
        sums.checked_add(points)
    });
    let there = file.size().saturating_sub(start);
    let len = len
        .filter(|&len| len <= there)
        .ok_or(SeekIndexError::Damaged("it ends within its tables"))?;
    let mut tables = Vec::new();
    tables
        .try_reserve_exact(len_usize(len))
        .map_err(|_| SeekIndexError::Memory)?;
    tables.resize(len_usize(len), 0);
    file.read_exact_at(start, &mut tables)
        .map_err(SeekIndexError::Io)?;
    if tables_sum(header, &tables) != header.tables_sum {
        return Err(SeekIndexError::Damaged("its tables have another checksum"));
    }
    Ok(tables)
}

/// The points of a table, checked against the sizes of both files.
fn points_in(
    bytes: &[u8],
    header: &RawHeader,
    file_size: u64,
) -> Result<Vec<(Point, RawPoint)>, SeekIndexError> {
    let damaged = SeekIndexError::Damaged;
    let mut points = Vec::new();
    let mut last: Option<Point> = None;
    for raw in bytes.chunks_exact(POINT_BYTES) {
        let raw = RawPoint::read_from_bytes(raw).map_err(|_| damaged("a point is cut short"))?;
        let point = raw
            .point()
            .ok_or(damaged("a point is of an unknown kind"))?;
        let is_in_order = last.is_none_or(|last| {
            last.offset < point.offset && last.compressed_bit < point.compressed_bit
        });
        let is_within = point.offset < header.size.get().max(1)
            && point.compressed_bit / 8 < header.compressed_size.get().max(1);
        if !is_in_order || !is_within {
            return Err(damaged("its points are not in order"));
        }
        let window_len = u64::from(raw.window_len.get());
        let window_end = raw
            .window_offset
            .get()
            .checked_add(raw.window_stored.get().into());
        if window_end.is_none_or(|end| end > file_size) || window_len > point.resume.max_window() {
            return Err(damaged("a window is not in it"));
        }
        last = Some(point);
        points.push((point, raw));
    }
    match points.first() {
        Some((first, _)) if first.offset == 0 => Ok(points),
        _ => Err(damaged("it has no point at the start")),
    }
}
