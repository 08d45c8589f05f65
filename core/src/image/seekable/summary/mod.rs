//! The summary of a compressed image: what is in it, and the hash of each frame.

mod head;

use alloc::vec::Vec;
use core::ops::Range;

pub use self::head::{Head, Kind};
use super::map::MapRuns;
use super::seek_table::SeekTable;
use crate::error::{Error, Result, Structure};
use crate::image::{Index, IndexBuilder};
use crate::io::ReadAt;
use crate::units::{len_u64, len_usize};

/// Bytes of the stream in each frame, but for the last one.
pub const FRAME_SIZE: u32 = 4 << 20;

/// Begins the frame of the summary, as others that are skipped.
const SKIPPABLE_MAGIC: u32 = 0x184D_2A5D;
/// Begins and ends its content.
pub(super) const MAGIC: [u8; 8] = *b"ntfsclnz";
const VERSION: u32 = 1;

/// Both magics, the size of the frame, the version.
const START_SIZE: usize = 20;
const HASH_SIZE: usize = 32;
/// Hash, size of the frame, magic.
const END_SIZE: usize = 48;
/// Bytes of a frame that its header does not count.
const FRAME_HEADER_SIZE: u64 = 8;

const TAG_HEAD: [u8; 4] = *b"HEAD";
const TAG_FACTS: [u8; 4] = *b"FACT";
const TAG_MAP: [u8; 4] = *b"MAPS";
const TAG_HASHES: [u8; 4] = *b"HASH";
/// Tag and length of a section.
const SECTION_HEADER_SIZE: u64 = 12;

/// A summary that was found whole.
#[derive(Debug, Clone)]
pub struct Summary {
    head: Head,
    /// Where its frame lies, in bytes from the start of the file.
    position: u64,
    /// The whole frame.
    bytes: Vec<u8>,
    sections: Sections,
}

/// Where in the frame a section's content is.
#[derive(Debug, Clone, Default)]
struct Sections {
    head: Option<Range<usize>>,
    facts: Option<Range<usize>>,
    map: Option<Range<usize>>,
    hashes: Option<Range<usize>>,
}

impl Summary {
    /// Reads the summary before the seek table, which is the last frame of
    /// `table`. `None` if there is none. Takes as much memory as it has bytes. It
    /// is not [checked](Summary::check) against a table.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] where it is damaged;
    /// [`Error::Unsupported`] for a later version; [`Error::Memory`].
    pub(super) fn read(source: &(impl ReadAt + ?Sized), table: &SeekTable) -> Result<Option<Self>> {
        let end = table.position();
        let Some(end_at) = end.checked_sub(16) else {
            return Ok(None);
        };
        let mut last = [0; 16];
        read(source, end_at, &mut last)?;
        let [a, b, c, d, e, f, g, h, magic @ ..] = last;
        if magic != MAGIC {
            return match Self::begins_last_frame(source, table)? {
                true => {
                    let found = u64::from_le_bytes(magic);
                    Err(corrupt(end_at, "the name at its end", found, "ntfsclnz"))
                }
                false => Ok(None),
            };
        }
        let size = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let least = len_u64(START_SIZE.saturating_add(END_SIZE));
        let position = match end.checked_sub(size) {
            Some(position) if size >= least => position,
            _ => {
                let expected = "at least 68, and as many as are before the seek table";
                return Err(corrupt(end_at, "its size", size, expected));
            }
        };
        let mut bytes = Vec::new();
        let reserved = bytes.try_reserve_exact(len_usize(size));
        reserved.map_err(|_| Error::Memory {
            structure: Structure::Summary,
            len: size,
        })?;
        bytes.resize(len_usize(size), 0);
        read(source, position, &mut bytes)?;
        Self::parse(bytes, position).map(Some)
    }

    /// True if `bytes` begin as a summary does.
    pub fn begins(bytes: &[u8]) -> bool {
        u32_at(bytes, 0) == SKIPPABLE_MAGIC && bytes.get(8..16) == Some(&MAGIC)
    }

    /// Whether the last frame of a file is a summary by its first bytes.
    fn begins_last_frame(source: &(impl ReadAt + ?Sized), table: &SeekTable) -> Result<bool> {
        let least = len_u64(START_SIZE.saturating_add(END_SIZE));
        let last = table.frames().next_back();
        let Some(frame) = last.filter(|last| last.size == 0 && last.compressed_size >= least)
        else {
            return Ok(false);
        };
        let mut start = [0; 16];
        read(source, frame.position, &mut start)?;
        Ok(start.ends_with(&MAGIC))
    }

    /// Compares it with the table of the frames before it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: they contradict each other.
    pub(super) fn check(&self, table: &SeekTable) -> Result<()> {
        // The table has to know it: else it would be taken for data.
        let last = table.frames().next_back();
        let position = self.position;
        if last.is_none_or(|frame| frame.size != 0 || frame.position != position) {
            let expected = "the last frame of the seek table";
            return Err(corrupt(position, "its position", position, expected));
        }
        self.head.check_table(table, position)?;
        self.check_hashes(table.len())
    }

    /// A summary in a file of its own, beside an image that is not compressed: it
    /// has no frames.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and [`Error::Unsupported`]: it is damaged, or of a later
    /// version.
    pub fn alone(bytes: Vec<u8>) -> Result<Self> {
        let summary = Self::parse(bytes, 0)?;
        summary.check_hashes(1)?;
        Ok(summary)
    }

    fn parse(bytes: Vec<u8>, position: u64) -> Result<Self> {
        let found = u32_at(&bytes, 0);
        if found != SKIPPABLE_MAGIC {
            return Err(corrupt(position, "its magic", found.into(), "0x184d2a5d"));
        }
        let found = u64::from(u32_at(&bytes, 4)).saturating_add(FRAME_HEADER_SIZE);
        if found != len_u64(bytes.len()) {
            let expected = "that at its end";
            return Err(corrupt(position, "its size", found, expected));
        }
        if bytes.get(8..16) != Some(&MAGIC) {
            let found = u64_at(&bytes, 8);
            return Err(corrupt(position, "its name", found, "ntfsclnz"));
        }
        let version = u32_at(&bytes, 16);
        if version != VERSION {
            return Err(Error::Unsupported {
                structure: Structure::Summary,
                offset: position,
                field: "version",
                found: version.into(),
                expected: "1",
            });
        }
        let content_end = bytes.len().saturating_sub(END_SIZE);
        let (content, end) = bytes.split_at_checked(content_end).unwrap_or_default();
        if end.first_chunk() != Some(blake3::hash(content).as_bytes()) {
            let found = u64_at(&bytes, content_end);
            let expected = "the BLAKE3 of what is before it";
            return Err(corrupt(position, "its checksum", found, expected));
        }

        let sections = Sections::parse(content, position)?;
        let head = match &sections.head {
            Some(range) => Head::parse(content, range.clone(), position)?,
            None => return Err(corrupt(position, "HEAD", 0, "a section")),
        };
        let summary = Self {
            head,
            position,
            bytes,
            sections,
        };
        summary.check_facts()?;
        Ok(summary)
    }

    /// What is known of the stream.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// When and from what it was made, as JSON.
    pub fn facts(&self) -> Option<&str> {
        let range = self.sections.facts.clone()?;
        core::str::from_utf8(self.section(range)?).ok()
    }

    /// Which clusters are in the stream, in its order. `None` if there is no
    /// map.
    pub fn map(&self) -> Option<MapRuns<'_>> {
        let range = self.sections.map.clone()?;
        let offset = self.position.saturating_add(len_u64(range.start));
        let nr_clusters = self.head.header.nr_clusters;
        Some(MapRuns::new(self.section(range)?, offset, nr_clusters))
    }

    /// Where each cluster lies in the stream, told by the map alone. `None` for
    /// a raw volume, and where there is no map.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: the map contradicts itself, or what it describes is
    /// not as long as the stream; [`Error::Memory`].
    pub fn index(&self) -> Result<Option<Index>> {
        let (Kind::NtfscloneImage, Some(map)) = (self.head.kind, self.map()) else {
            return Ok(None);
        };
        let nr_clusters = self.head.header.nr_clusters;
        let mut builder = IndexBuilder::new(self.head.header);
        for run in map {
            let run = run?;
            if run.gap != 0 {
                builder.gap(run.gap)?;
            }
            // The tail, which comes after them, is not one of the clusters.
            let left = nr_clusters.saturating_sub(run.start.0);
            builder.clusters(run.count.min(left))?;
        }
        let index = builder.finish()?;
        if index.stream_size() != self.head.stream_size {
            let field = "its size of the stream";
            let (found, expected) = (self.head.stream_size, "that of what is in its map");
            return Err(corrupt(self.position, field, found, expected));
        }
        Ok(Some(index))
    }

    /// BLAKE3 of a frame's content. `None` if there is none.
    pub fn frame_hash(&self, number: usize) -> Option<&[u8; HASH_SIZE]> {
        let start = number.checked_add(1)?.checked_mul(HASH_SIZE)?;
        self.hashes()?.get(start..)?.first_chunk()
    }

    /// BLAKE3 of those of all frames: the checksum of the whole stream.
    pub fn stream_hash(&self) -> Option<&[u8; HASH_SIZE]> {
        self.hashes()?.first_chunk()
    }

    fn hashes(&self) -> Option<&[u8]> {
        self.section(self.sections.hashes.clone()?)
    }

    fn section(&self, range: Range<usize>) -> Option<&[u8]> {
        self.bytes.get(range)
    }

    fn check_facts(&self) -> Result<()> {
        match self.sections.facts.clone() {
            Some(range) if self.facts().is_none() => {
                let found = len_u64(range.len());
                Err(corrupt(self.position, "FACT", found, "UTF-8"))
            }
            _ => Ok(()),
        }
    }

    /// `frames` are those of the file, the summary among them.
    fn check_hashes(&self, frames: usize) -> Result<()> {
        let Some(hashes) = self.hashes() else {
            return Ok(());
        };
        // One for each frame but the summary, and one of the whole.
        let expected = frames.saturating_mul(HASH_SIZE);
        if hashes.len() != expected {
            let found = len_u64(hashes.len());
            let expected = "32 bytes for each frame, and 32";
            return Err(corrupt(self.position, "HASH", found, expected));
        }
        let (whole, each) = hashes.split_at_checked(HASH_SIZE).unwrap_or_default();
        if whole != blake3::hash(each).as_bytes() {
            let found = u64_at(whole, 0);
            let expected = "the BLAKE3 of those of all frames";
            let field = "its checksum of the whole stream";
            return Err(corrupt(self.position, field, found, expected));
        }
        Ok(())
    }
}

impl Sections {
    fn parse(content: &[u8], position: u64) -> Result<Self> {
        let mut sections = Self::default();
        let mut at = START_SIZE;
        while at < content.len() {
            let place = position.saturating_add(len_u64(at));
            let rest = content.get(at..).unwrap_or_default();
            let header = rest.first_chunk::<12>();
            let Some(&[t, u, v, w, a, b, c, d, e, f, g, h]) = header else {
                let found = len_u64(rest.len());
                return Err(corrupt(place, "a section's header", found, "12 bytes"));
            };
            let start = at.saturating_add(12);
            let len = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            let end = start.saturating_add(len_usize(len));
            if end > content.len() {
                let expected = "as many bytes as are there";
                return Err(corrupt(place, "the length of a section", len, expected));
            }
            let place_for = match [t, u, v, w] {
                TAG_HEAD => Some(&mut sections.head),
                TAG_FACTS => Some(&mut sections.facts),
                TAG_MAP => Some(&mut sections.map),
                TAG_HASHES => Some(&mut sections.hashes),
                // Of a later writer.
                _ => None,
            };
            if let Some(section) = place_for
                && section.replace(start..end).is_some()
            {
                let found = u64::from(u32::from_be_bytes([t, u, v, w]));
                return Err(corrupt(place, "a section's tag", found, "each one once"));
            }
            at = end;
        }
        Ok(sections)
    }
}

/// Makes a summary, as frames are written.
#[derive(Debug)]
pub struct SummaryBuilder {
    /// BLAKE3 of each frame's content.
    hashes: Vec<u8>,
}

impl SummaryBuilder {
    /// A summary of no frames.
    #[expect(clippy::new_without_default, reason = "a default summary is no idea")]
    pub fn new() -> Self {
        Self { hashes: Vec::new() }
    }

    /// Adds the BLAKE3 of the next frame's content.
    pub fn push(&mut self, hash: &[u8; HASH_SIZE]) {
        self.hashes.extend_from_slice(hash);
    }

    /// Calls `write` with the frame of the summary, piece by piece, and tells its
    /// size. `facts` are a JSON object. What has no room in a frame is left
    /// out.
    ///
    /// # Errors
    ///
    /// Those of `write`.
    pub fn finish<E>(
        self,
        head: &Head,
        facts: &str,
        map: Option<&[u8]>,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<u32, E> {
        let whole = blake3::hash(&self.hashes);
        let head = head.to_bytes();
        let hashes = [whole.as_bytes(), self.hashes.as_slice()];
        let candidates: [([u8; 4], [&[u8]; 2]); 4] = [
            (TAG_HEAD, [&head, &[]]),
            (TAG_FACTS, [facts.as_bytes(), &[]]),
            (TAG_HASHES, hashes),
            (TAG_MAP, [map.unwrap_or_default(), &[]]),
        ];
        let mut size = len_u64(START_SIZE.saturating_add(END_SIZE));
        let mut sections = Vec::new();
        for (tag, parts) in candidates {
            let len = parts.iter().map(|part| len_u64(part.len())).sum::<u64>();
            let with = size.saturating_add(SECTION_HEADER_SIZE).saturating_add(len);
            let is_there = tag != TAG_MAP || map.is_some();
            if is_there && with <= u64::from(u32::MAX) {
                size = with;
                sections.push((tag, len, parts));
            }
        }
        // Fits, as seen above.
        let frame = u32::try_from(size).unwrap_or(u32::MAX);
        let content = frame.saturating_sub(8);

        let mut hasher = blake3::Hasher::new();
        let mut put = |bytes: &[u8]| {
            hasher.update(bytes);
            write(bytes)
        };
        put(&SKIPPABLE_MAGIC.to_le_bytes())?;
        put(&content.to_le_bytes())?;
        put(&MAGIC)?;
        put(&VERSION.to_le_bytes())?;
        for (tag, len, parts) in sections {
            put(&tag)?;
            put(&len.to_le_bytes())?;
            parts.into_iter().try_for_each(&mut put)?;
        }
        write(hasher.finalize().as_bytes())?;
        write(&size.to_le_bytes())?;
        write(&MAGIC)?;
        Ok(frame)
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let found = bytes.get(offset..).and_then(<[u8]>::first_chunk);
    u32::from_le_bytes(found.copied().unwrap_or_default())
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let found = bytes.get(offset..).and_then(<[u8]>::first_chunk);
    u64::from_le_bytes(found.copied().unwrap_or_default())
}

fn read(source: &(impl ReadAt + ?Sized), offset: u64, buf: &mut [u8]) -> Result<()> {
    let len = len_u64(buf.len());
    source
        .read_exact_at(offset, buf)
        .map_err(|source| Error::Io {
            structure: Structure::Summary,
            offset,
            len,
            source,
        })
}

fn corrupt(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Error {
    Error::Corrupt {
        structure: Structure::Summary,
        offset,
        field,
        found,
        expected,
    }
}
