//! Checking an image of partclone as it is streamed: its structure and all its checksums.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::mem::size_of;

use super::code::Code;
use super::finding::{Finding, Findings, Place};
use super::lost_frames::Loss;
use super::streamed::StreamedCheck;
use crate::backup_boot_sector::DecoderWithBackup;
use crate::error::{Error, Result, Structure, with_causes};
use crate::image::ntfsclone::Event;
use crate::image::partclone::{Header, Index};
use crate::units::{Extent, Lcn, len_u64};

/// Checks an image that comes in pieces of any size.
#[derive(Debug)]
pub struct PartcloneCheck {
    decoder: DecoderWithBackup,
    header: Option<Header>,
    findings: Findings,
    mismatches: Vec<Mismatch>,
    state: State,
    /// What follows the end does not matter.
    ends_anywhere: bool,
    pushed: u64,
    /// Offset on the volume after the last bytes of a block.
    position: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// The image is complete.
    Complete,
    /// What follows is not understood.
    Stopped,
}

/// Checksums in a row that do not match.
#[derive(Debug)]
struct Mismatch {
    count: u64,
    /// Offset of the first checksum in the image.
    offset: u64,
    /// Offset of the last one.
    last_offset: u64,
    /// The first block that they cover, and the last one.
    first: u64,
    last: u64,
}

/// The outcome of a [`PartcloneCheck`].
#[derive(Debug)]
pub struct PartcloneChecked {
    /// What was found, but for wrong checksums.
    pub findings: Findings,
    /// The blocks whose checksums do not match.
    pub losses: Vec<Loss>,
    /// Where the blocks are; `None` if header or bitmap are damaged, or not there.
    pub index: Option<Index>,
}

impl PartcloneCheck {
    /// A check at the start of an image.
    #[expect(clippy::new_without_default, reason = "a default image is no idea")]
    pub fn new() -> Self {
        Self {
            decoder: DecoderWithBackup::new(),
            header: None,
            findings: Findings::default(),
            mismatches: Vec::new(),
            state: State::Running,
            ends_anywhere: false,
            pushed: 0,
            position: 0,
        }
    }

    /// A check at the start of an image that something may follow: on a device, that is what was
    /// there before.
    pub fn on_device() -> Self {
        Self {
            ends_anywhere: true,
            ..Self::new()
        }
    }

    /// Whether no more bytes matter. After the end, most do: nothing may follow it.
    fn is_over(&self) -> bool {
        match self.state {
            State::Running => false,
            State::Complete => self.ends_anywhere,
            State::Stopped => true,
        }
    }

    /// Bytes checked.
    pub fn taken(&self) -> u64 {
        self.decoder.decoder().taken()
    }

    /// Ends the check: the image is over, or could not be read any further.
    pub fn end(mut self) -> PartcloneChecked {
        if self.state == State::Running
            && let Err(error) = self.decoder.end_of_input()
        {
            let offset = error.offset().unwrap_or(0);
            self.stop(Code::ImageTruncated, offset, with_causes(&error));
        }
        let block_size = self.header.map_or(0, |header| header.block_size);
        let index = Index::of(self.decoder.into_decoder());
        if let Some(index) = &index {
            // A block that is cut short, or the next one.
            let block = self.position.checked_div(block_size.into()).unwrap_or(0);
            let lost = index.blocks().next(block, true, u64::MAX);
            self.findings.note_lost_from(Lcn(lost), block_size);
        }
        let mismatches = self.mismatches.iter();
        PartcloneChecked {
            losses: mismatches.map(|one| one.to_loss(block_size)).collect(),
            findings: self.findings,
            index,
        }
    }

    fn note_mismatch(&mut self, offset: u64, first: u64, last: u64) -> Result<()> {
        let checksums = self.header.and_then(|header| header.checksums);
        let is_running = checksums.is_some_and(|checksums| !checksums.reseed);
        let blocks = self.decoder.decoder().blocks();
        match self.mismatches.last_mut() {
            // Where the second checksum of version 1 lies is unknown if it matches nowhere.
            Some(before) if before.last_offset == offset => self.state = State::Stopped,
            // A running checksum never matches again after one that does not.
            Some(before) if is_running => before.last_offset = offset,
            Some(before)
                if blocks.is_some_and(|blocks| {
                    blocks.next(before.last.saturating_add(1), true, u64::MAX) == first
                }) =>
            {
                before.count = before.count.saturating_add(1);
                before.last_offset = offset;
                before.last = last;
            }
            _ => {
                self.mismatches.try_reserve(1).map_err(|_| Error::Memory {
                    structure: Structure::ImageBlock,
                    len: len_u64(size_of::<Mismatch>()),
                })?;
                self.mismatches.push(Mismatch {
                    count: 1,
                    offset,
                    last_offset: offset,
                    first,
                    last,
                });
            }
        }
        Ok(())
    }

    fn stop(&mut self, code: Code, offset: u64, message: impl ToString) {
        let place = Some(Place::Image { offset });
        self.findings.push(Finding::new(code, place, message));
        self.state = State::Stopped;
    }
}

impl StreamedCheck for PartcloneCheck {
    fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(u64, &[u8])) -> Result<()> {
        self.pushed = self.pushed.saturating_add(len_u64(bytes.len()));
        let mut input = bytes;
        while !self.is_over() {
            match self.decoder.next(&mut input) {
                Ok(Event::NeedInput) => return Ok(()),
                Ok(Event::Data { offset, bytes }) => {
                    self.position = offset.saturating_add(len_u64(bytes.len()));
                    take(offset, bytes);
                }
                Ok(Event::Header(header)) => self.header = Some(header),
                Ok(Event::End) => {
                    self.state = State::Complete;
                    if input.is_empty() {
                        return Ok(());
                    }
                }
                Err(Error::BlockChecksum {
                    offset,
                    first,
                    last,
                }) => self.note_mismatch(offset, first, last)?,
                Err(error @ (Error::Memory { .. } | Error::OtherFileSystem { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    let code = match &error {
                        Error::Corrupt {
                            structure: Structure::ImageBlock,
                            ..
                        } => Code::ImageTrailing,
                        _ => Code::ImageHeader,
                    };
                    self.stop(code, error.offset().unwrap_or(0), with_causes(&error));
                }
            }
        }
        Ok(())
    }

    fn pushed(&self) -> u64 {
        self.pushed
    }

    fn is_complete(&self) -> bool {
        self.state == State::Complete
    }
}

impl Mismatch {
    fn to_loss(&self, block_size: u32) -> Loss {
        let Self {
            count,
            offset,
            last_offset,
            first,
            last,
        } = *self;
        let message = match count {
            1 => format!(
                "the checksum at byte {offset:#x} does not match the clusters {first} to {last}"
            ),
            _ => format!(
                "{count} checksums from byte {offset:#x} to {last_offset:#x} do not match the \
                 clusters {first} to {last}"
            ),
        };
        let place = Some(Place::Image { offset });
        let len = last.saturating_sub(first).saturating_add(1);
        Loss::of_clusters(
            Finding::new(Code::BlockChecksum, place, message),
            Extent::new(Lcn(first), len),
            block_size,
        )
    }
}
