//! `$LogFile`: whether its changes are all in place, by its two restart pages.

use alloc::vec;
use alloc::vec::Vec;

use super::attribute::AttributeType;
use super::file_record::FileRecord;
use super::mft::RECORD_LOG_FILE;
use super::record::{u16_at, u32_at, undo_fixup};
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;
use crate::units::{len_u64, len_usize};

/// Ours: Windows and mkntfs make pages of 4 KiB; some versions had the page of
/// the processor.
const MAX_PAGE: usize = 64 << 10;
/// The size of pages when the first one does not say.
const USUAL_PAGE: usize = 4096;

/// What restart pages begin with, as they are written, and after chkdsk.
const MAGIC: &[u8; 4] = b"RSTR";
const CHECKED_MAGIC: &[u8; 4] = b"CHKD";

/// In a restart page: its size, and where its restart area is.
const PAGE_SIZE_OFFSET: usize = 0x10;
const AREA_OFFSET: usize = 0x18;
/// In a restart area: the first client in use, and flags.
const CLIENT_OFFSET: usize = 0x0C;
const FLAGS_OFFSET: usize = 0x0E;

const NO_CLIENT: u16 = u16::MAX;
/// The volume was unmounted.
const FLAG_CLEAN: u16 = 2;

/// The state of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// All its changes are in place, or it is empty.
    Clean,
    /// The same, but one of its two restart pages cannot be read.
    CleanByOnePage,
    /// It holds changes that are not yet in place.
    NotClean,
    /// Neither of its restart pages can be read.
    Unreadable,
}

/// A restart page that can be read.
struct Restart {
    /// Of the last change that is in place.
    sequence_number: u64,
    is_clean: bool,
}

impl<R: ReadAt> Volume<R> {
    /// The state of the journal. Reads no more than its restart pages.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), [`Error::Corrupt`](crate::Error::Corrupt): record 2
    /// or the pages cannot be read.
    pub fn journal(&self) -> Result<Journal> {
        let file = FileRecord::salvage(self, RECORD_LOG_FILE)?;
        let Some(data) = file.value(AttributeType::DATA, &[])? else {
            return Ok(Journal::Clean);
        };
        let start = |pages: usize| -> Result<Vec<u8>> {
            let len = data.size().min(len_u64(pages.saturating_mul(2)));
            let mut bytes = vec![0; len_usize(len)];
            data.read_exact_at(self.source(), self.geometry(), 0, &mut bytes)?;
            Ok(bytes)
        };
        let mut bytes = start(USUAL_PAGE)?;
        // A new journal, or one that ntfs-3g emptied.
        if bytes.iter().all(|&byte| byte == 0xFF) {
            return Ok(Journal::Clean);
        }
        let page = u32_at(&bytes, PAGE_SIZE_OFFSET).and_then(|size| usize::try_from(size).ok());
        let page = page.filter(|size| size.is_power_of_two() && (512..=MAX_PAGE).contains(size));
        let page = page.unwrap_or(USUAL_PAGE);
        if page > USUAL_PAGE {
            bytes = start(page)?;
        }
        let mut pages = bytes.chunks_exact(page).take(2).map(restart);
        Ok(state(pages.next().flatten(), pages.next().flatten()))
    }
}

fn state(first: Option<Restart>, second: Option<Restart>) -> Journal {
    let (last, both) = match (first, second) {
        (None, None) => return Journal::Unreadable,
        (Some(one), Some(other)) if one.sequence_number < other.sequence_number => (other, true),
        (Some(one), Some(_)) => (one, true),
        (Some(one), None) | (None, Some(one)) => (one, false),
    };
    match (last.is_clean, both) {
        (false, _) => Journal::NotClean,
        (true, true) => Journal::Clean,
        (true, false) => Journal::CleanByOnePage,
    }
}

fn restart(page: &[u8]) -> Option<Restart> {
    let mut page = page.to_vec();
    undo_fixup(&mut page, MAGIC)
        .or_else(|_| undo_fixup(&mut page, CHECKED_MAGIC))
        .ok()?;
    let area = page.get(usize::from(u16_at(&page, AREA_OFFSET)?)..)?;
    let client = u16_at(area, CLIENT_OFFSET)?;
    let flags = u16_at(area, FLAGS_OFFSET)?;
    Some(Restart {
        sequence_number: u64::from_le_bytes(*area.first_chunk()?),
        is_clean: client == NO_CLIENT || flags & FLAG_CLEAN != 0,
    })
}
