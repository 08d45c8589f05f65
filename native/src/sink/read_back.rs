//! Reading back what was written: `--verify`.
//!
//! What is written is hashed on its way, in pieces. When all of it is on the
//! disk, the kernel forgets what it has in its cache, and each piece is read and
//! hashed again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use blake3::{Hash, Hasher};
use positioned_io::ReadAt;

use crate::bulk::aligned_buffer::AlignedBuffer;
use crate::bulk::direct::DirectFile;
use crate::device;
use crate::report;

/// Bytes of a piece, unless less follow each other: some hundred bytes of
/// memory for each, and all that is said of where a difference lies.
const PIECE_BYTES: u64 = 4 << 20;

/// What was written to a file or device.
#[derive(Default)]
pub struct ReadBack {
    /// By where they begin; none overlaps another.
    pieces: BTreeMap<u64, Piece>,
    /// The piece that is being written.
    current: Option<Current>,
}

struct Piece {
    len: u64,
    hash: Hash,
}

struct Current {
    start: u64,
    len: u64,
    hasher: Hasher,
}

/// What was read is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("what was read back from bytes {start:#x} to {end:#x} is not what was written")]
pub struct Differs {
    pub start: u64,
    pub end: u64,
}

impl ReadBack {
    /// Notes what is about to be written to `file`.
    ///
    /// # Errors
    ///
    /// It is about to take the place of something that was written before, and
    /// which is not there any more.
    pub fn note(&mut self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let follows = self.current.as_ref().is_some_and(|current| {
            current.start + current.len == offset && current.len < PIECE_BYTES
        });
        if !follows {
            self.end_piece();
        }
        self.give_way(file, offset, bytes.len() as u64)?;
        let current = self.current.get_or_insert_with(|| Current {
            start: offset,
            len: 0,
            hasher: Hasher::new(),
        });
        current.hasher.update(bytes);
        current.len += bytes.len() as u64;
        Ok(())
    }

    /// Bytes to be read back.
    pub fn bytes(&self) -> u64 {
        let ended: u64 = self.pieces.values().map(|piece| piece.len).sum();
        ended + self.current.as_ref().map_or(0, |current| current.len)
    }

    /// Reads all of it from the disk; `progress` is called with how many bytes
    /// that were so far.
    ///
    /// # Errors
    ///
    /// [`Differs`], as the cause of an error of the kind `InvalidData`.
    pub fn check(mut self, file: &File, mut progress: impl FnMut(u64)) -> io::Result<()> {
        self.end_piece();
        let is_forgotten = device::forget_cached(file)?;
        let mut reader = Reader::new(file);
        if !is_forgotten && reader.direct.is_none() {
            report::warning(
                "--verify: the kernel may not be asked to forget what was written; what is read \
                 back may come from memory",
            );
        }
        let mut done = 0;
        for (&start, piece) in &self.pieces {
            reader.check(start, piece)?;
            done += piece.len;
            progress(done);
        }
        Ok(())
    }

    fn end_piece(&mut self) {
        if let Some(current) = self.current.take() {
            let piece = Piece {
                len: current.len,
                hash: current.hasher.finalize(),
            };
            self.pieces.insert(current.start, piece);
        }
    }

    /// Checks the pieces that are about to be written over, and keeps of them
    /// what is not. Almost always there are none: only images of metadata hold
    /// clusters twice.
    fn give_way(&mut self, file: &File, offset: u64, len: u64) -> io::Result<()> {
        let end = offset + len;
        let overlapping: Vec<u64> = self
            .pieces
            .range(..end)
            .rev()
            .take_while(|(start, piece)| **start + piece.len > offset)
            .map(|(&start, _)| start)
            .collect();
        for start in overlapping {
            let Some(piece) = self.pieces.remove(&start) else {
                continue;
            };
            let mut bytes = vec![0; piece.len as usize];
            file.read_exact_at(start, &mut bytes)?;
            differs_unless(blake3::hash(&bytes) == piece.hash, start, piece.len)?;
            let before = offset.saturating_sub(start).min(piece.len) as usize;
            let after = end.saturating_sub(start).min(piece.len) as usize;
            for range in [0..before, after..bytes.len()] {
                if !range.is_empty() {
                    let part = &bytes[range.clone()];
                    let piece = Piece {
                        len: part.len() as u64,
                        hash: blake3::hash(part),
                    };
                    self.pieces.insert(start + range.start as u64, piece);
                }
            }
        }
        Ok(())
    }
}

/// Reads past the kernel's cache, where that can be done.
struct Reader<'a> {
    file: &'a File,
    direct: Option<DirectFile>,
    buffer: AlignedBuffer,
}

impl<'a> Reader<'a> {
    fn new(file: &'a File) -> Self {
        Self {
            file,
            direct: DirectFile::to_read(file),
            buffer: AlignedBuffer::new(PIECE_BYTES as usize),
        }
    }

    fn check(&mut self, start: u64, piece: &Piece) -> io::Result<()> {
        let mut hasher = Hasher::new();
        let mut done = 0;
        while done < piece.len {
            let len = (piece.len - done).min(self.buffer.len() as u64) as usize;
            let bytes = &mut self.buffer[..len];
            let read = match &self.direct {
                Some(direct) => direct.read_exact_at(start + done, bytes)?,
                None => None,
            };
            if read.is_none() {
                self.file.read_exact_at(start + done, bytes)?;
            }
            hasher.update(bytes);
            done += len as u64;
        }
        differs_unless(hasher.finalize() == piece.hash, start, piece.len)
    }
}

fn differs_unless(same: bool, start: u64, len: u64) -> io::Result<()> {
    match same {
        true => Ok(()),
        false => {
            let end = start + len;
            let differs = Differs { start, end };
            Err(io::Error::new(io::ErrorKind::InvalidData, differs))
        }
    }
}

#[cfg(test)]
mod tests {
    use positioned_io::WriteAt;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is written in whatever order reads back, and not any more
        /// when any of it is changed.
        #[test]
        fn finds_every_change(
            writes in prop::collection::vec((0_u64..3000, 1_usize..900, any::<u8>()), 1..30),
            changed in any::<prop::sample::Index>(),
        ) {
            let mut file = tempfile::tempfile().unwrap();
            let check = |file: &mut File, change: Option<u64>| {
                file.set_len(0).unwrap();
                let mut written = ReadBack::default();
                let mut places = std::collections::BTreeSet::new();
                for &(offset, len, byte) in &writes {
                    let bytes = vec![byte; len];
                    written.note(file, offset, &bytes).unwrap();
                    file.write_all_at(offset, &bytes).unwrap();
                    places.extend(offset..offset + len as u64);
                }
                assert_eq!(written.bytes(), places.len() as u64);
                if let Some(place) = change {
                    let mut byte = [0];
                    file.read_exact_at(place, &mut byte).unwrap();
                    file.write_all_at(place, &[byte[0] ^ 1]).unwrap();
                }
                (written.check(file, |_| {}), places)
            };
            let (sound, places) = check(&mut file, None);
            prop_assert!(sound.is_ok());
            let place = *places.iter().nth(changed.index(places.len())).unwrap();
            let error = check(&mut file, Some(place)).0.unwrap_err();
            let differs = error.get_ref().and_then(|error| error.downcast_ref::<Differs>());
            let differs = differs.unwrap();
            prop_assert!((differs.start..differs.end).contains(&place));
        }

        /// A change that is written over before the end is found as well.
        #[test]
        fn finds_what_is_written_over(offset in 0_u64..100, len in 1_usize..100) {
            let mut file = tempfile::tempfile().unwrap();
            let mut written = ReadBack::default();
            written.note(&file, 0, &[7; 200]).unwrap();
            file.write_all_at(0, &[7; 200]).unwrap();
            file.write_all_at(150, &[8]).unwrap();
            prop_assert!(written.note(&file, offset, &vec![9; len]).is_err());
        }
    }
}
