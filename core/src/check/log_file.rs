//! `$LogFile`: whether its changes are all in place, by its two restart pages.

use super::code::Code;
use crate::ntfs::record::{u16_at, u32_at, undo_fixup};

/// Ours: Windows and mkntfs make pages of 4 KiB; some versions had the page of
/// the processor.
const MAX_PAGE: usize = 64 << 10;
/// Bytes of the journal that [`check`] needs.
pub(super) const CHECKED_BYTES: u64 = 2 * (64 << 10);
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

/// A restart page that can be read.
struct Restart {
    /// Of the last change that is in place.
    sequence_number: u64,
    is_clean: bool,
}

/// What is wrong with a journal, given its first bytes.
pub(super) fn check(bytes: &[u8]) -> Option<(Code, &'static str)> {
    // A new journal, or one that ntfs-3g emptied. An image of metadata has only
    // the first 16 KiB.
    let start = bytes.get(..USUAL_PAGE.saturating_mul(2)).unwrap_or(bytes);
    if start.iter().all(|&byte| byte == 0xFF) {
        return None;
    }
    let page = u32_at(bytes, PAGE_SIZE_OFFSET).and_then(|size| usize::try_from(size).ok());
    let page = page.filter(|size| size.is_power_of_two() && (512..=MAX_PAGE).contains(size));
    let page = page.unwrap_or(USUAL_PAGE);
    let mut pages = bytes.chunks_exact(page).take(2).map(restart);
    match (pages.next().flatten(), pages.next().flatten()) {
        (None, None) => Some((Code::Journal, "neither of its restart pages can be read")),
        (Some(one), Some(other)) => {
            let last = match one.sequence_number < other.sequence_number {
                true => other,
                false => one,
            };
            not_clean(&last)
        }
        (Some(one), None) | (None, Some(one)) => not_clean(&one).or(Some((
            Code::JournalRestart,
            "one of its two restart pages cannot be read",
        ))),
    }
}

fn not_clean(restart: &Restart) -> Option<(Code, &'static str)> {
    let what = "it has changes that are not yet in place";
    (!restart.is_clean).then_some((Code::JournalNotClean, what))
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
