//! Where the frames of a compressed image are: by its seek table or, where that
//! is damaged, cut off or not at the end, by the frames themselves.

use alloc::boxed::Box;
use alloc::vec;

use super::frame_header::{FrameHeader, MAX_FRAME_HEADER};
use super::frame_scan::{FrameScan, Scanned, is_read};
use super::reader::{MAX_FRAME_SIZE, SeekableReader};
use super::seek_table::{EndDamage, SEEKABLE_MAGIC, SeekTable};
use super::summary::{MAGIC as SUMMARY_NAME, Summary};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{len_u64, len_usize};

/// Bytes at the end of a file in which a seek table that is not the last thing
/// is looked for.
const END_BYTES: u64 = 1 << 20;

/// Our limit: places where a seek table may end that are tried.
const MAX_TABLES: usize = 4;

/// Finds the frames of a file and its summary, step by step.
#[derive(Debug)]
pub struct FrameFinder {
    state: State,
    damage: EndDamage,
}

#[derive(Debug)]
enum State {
    /// The seek table is read.
    Table,
    /// It is looked for near the end.
    End,
    /// The frames are looked at one by one.
    Scan(Box<FrameScan>),
    /// The summary is read; with the scan by which the frames were found.
    Summary(Box<SeekTable>, Option<Box<FrameScan>>),
    Found(Box<SeekTable>, Result<Option<Box<Summary>>>),
    NotSeekable,
}

impl FrameFinder {
    /// A finder that has read nothing.
    #[expect(clippy::new_without_default, reason = "a default file is no idea")]
    pub fn new() -> Self {
        Self {
            state: State::Table,
            damage: EndDamage::default(),
        }
    }

    /// Continues; `false` at the end. Can be tried again after an error.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] only for what is [not there yet](Error::is_missing);
    /// [`Error::Memory`].
    pub fn step(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<bool> {
        match &mut self.state {
            State::Table => self.state = self.read_table(source)?,
            State::End => self.state = self.search_end(source)?,
            State::Scan(scan) => match scan.step(source)? {
                Scanned::Pending => {}
                Scanned::Foreign => self.state = State::NotSeekable,
                Scanned::Complete => {
                    let table = scan.to_table(None)?;
                    self.note_scanned(source.size());
                    if let State::Scan(scan) = core::mem::replace(&mut self.state, State::End) {
                        self.state = State::Summary(Box::new(table), Some(scan));
                    }
                }
            },
            State::Summary(..) => self.read_summary(source)?,
            State::Found(..) | State::NotSeekable => return Ok(false),
        }
        Ok(true)
    }

    /// How far a scan is, in bytes from the start of the file; 0 without one.
    pub fn position(&self) -> u64 {
        match &self.state {
            State::Scan(scan) => scan.position(),
            _ => 0,
        }
    }

    /// A reader of `source` by what was found, after the last step. `None` if the
    /// file can be decompressed from its start only: it has no seek table, nor
    /// traces of one, or frames beyond [`MAX_FRAME_SIZE`].
    ///
    /// # Errors
    ///
    /// What is wrong with the seek table of a file whose frames cannot be found
    /// without it.
    pub fn finish<S: ReadAt>(self, source: S) -> Result<Option<SeekableReader<S>>> {
        match self.state {
            State::Found(table, summary) => {
                let summary = summary.map(|summary| summary.map(|summary| *summary));
                let damage = self.damage;
                Ok(SeekableReader::new(source, *table, summary, damage))
            }
            _ => match self.damage.table {
                Some(error) => Err(error),
                None => Ok(None),
            },
        }
    }

    fn read_table(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<State> {
        match SeekTable::read(source) {
            Ok(Some(table)) => return Ok(State::Summary(Box::new(table), None)),
            Ok(None) => {}
            Err(error) if error.is_missing() || matches!(error, Error::Memory { .. }) => {
                return Err(error);
            }
            Err(error) => self.damage.table = Some(error),
        }
        Ok(State::End)
    }

    /// Looks for a table that something follows, or of which some is missing.
    fn search_end(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<State> {
        let size = source.size();
        let mut start = vec![0; MAX_FRAME_HEADER.min(len_usize(size))];
        let start_is_read = is_read(source.read_exact_at(0, &mut start))?;
        let begins_like_one = matches!(
            FrameHeader::parse(&start),
            Some(FrameHeader::Data { content_size: Some(1..=MAX_FRAME_SIZE), .. }) if start_is_read
        );
        if !begins_like_one && self.damage.table.is_none() {
            return Ok(State::NotSeekable);
        }
        let len = size.min(END_BYTES);
        let at = size.saturating_sub(len);
        let mut bytes = vec![0; len_usize(len)];
        if !is_read(source.read_exact_at(at, &mut bytes))? {
            return Ok(match self.damage.table {
                Some(_) => State::Scan(Box::default()),
                None => State::NotSeekable,
            });
        }
        let magic = SEEKABLE_MAGIC.to_le_bytes();
        let ends = bytes.windows(magic.len()).enumerate().rev();
        let ends = ends.filter(|(_, window)| *window == magic);
        let mut has_traces = self.damage.table.is_some();
        for (found, _) in ends.take(MAX_TABLES) {
            has_traces = true;
            let end = at
                .saturating_add(len_u64(found))
                .saturating_add(len_u64(magic.len()));
            match SeekTable::read_before(source, end) {
                Ok(Some(table)) if end < size => {
                    self.damage = EndDamage {
                        table: None,
                        trailing: Some(end..size),
                    };
                    return Ok(State::Summary(Box::new(table), None));
                }
                Err(error) if error.is_missing() => return Err(error),
                _ => {}
            }
        }
        has_traces |= bytes
            .windows(SUMMARY_NAME.len())
            .any(|window| window == SUMMARY_NAME);
        Ok(match has_traces {
            true => State::Scan(Box::default()),
            false => State::NotSeekable,
        })
    }

    /// What is wrong with the end of a file of `size` bytes whose frames were
    /// scanned.
    fn note_scanned(&mut self, size: u64) {
        let State::Scan(scan) = &self.state else {
            return;
        };
        let error = |field, found, expected| Error::Corrupt {
            structure: Structure::SeekTable,
            offset: scan.end(),
            field,
            found,
            expected,
        };
        let cut = match scan.table() {
            Some(table) if table.end < size => {
                self.damage.trailing = Some(table.end..size);
                None
            }
            Some(table) if table.end > size => Some(error("its end", size, "the rest of it")),
            Some(_) => None,
            None if scan.end() == size => Some(error("its end", size, "all of it")),
            None => Some(error("its magic", 0, "0x184d2a5e")),
        };
        let unknown = || error("what it tells of the frames", 0, "where they are");
        let known = self.damage.table.take();
        self.damage.table = known.or(cut).or_else(|| Some(unknown()));
    }

    fn read_summary(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<()> {
        let State::Summary(table, scan) = &self.state else {
            return Ok(());
        };
        let summary = match Summary::read(source, table) {
            Err(error) if error.is_missing() => return Err(error),
            summary => summary,
        };
        let mut table = table.clone();
        let mut contradiction = None;
        if let Ok(Some(summary)) = &summary
            && let Err(error) = summary.check(&table)
        {
            // It has a checksum, and the table has none.
            let head = summary.head();
            let repaired = match scan {
                Some(scan) => Some(scan.to_table(Some(head))?),
                None => table.with_sizes(head.frame_size.into(), head.stream_size),
            };
            match repaired.filter(|table| summary.check(table).is_ok()) {
                Some(repaired) => {
                    *table = repaired;
                    if scan.is_none() {
                        self.damage.table = Some(error);
                    }
                }
                None => contradiction = Some(error),
            }
        }
        if let (None, Ok(Some(_))) = (&self.damage.table, &summary) {
            self.damage.table = table.check_descriptor().err();
        }
        let summary = match contradiction {
            Some(error) => Err(error),
            None => summary.map(|summary| summary.map(Box::new)),
        };
        self.state = State::Found(table, summary);
        Ok(())
    }
}
