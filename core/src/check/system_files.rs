//! The files of the file system itself, which are checked by what is in them.

use alloc::{format, vec};

use super::code::Code;
use super::finding::{Finding, Findings};
use super::{attribute_definitions, boot_sectors, mft, upcase};
use crate::error::{Result, with_causes};
use crate::io::ReadAt;
use crate::ntfs::attribute::AttributeType;
use crate::ntfs::mft::{
    RECORD_ATTRIBUTE_DEFINITIONS, RECORD_LOG_FILE, RECORD_ROOT, RECORD_UPCASE, RECORD_VOLUME,
};
use crate::ntfs::upcase::UpCase;
use crate::ntfs::{FileRecord, Journal, Unclean, Volume, VolumeInfo};
use crate::units::{RecordNumber, len_usize};

/// Ours: some versions of NTFS 1.2 had 36000 bytes.
const MAX_DEFINITIONS: u64 = 64 << 10;

/// Reports what is wrong with boot sectors, `$MFT`, flags and tables. Returns
/// the upper case table, as far as it can be read.
pub(super) fn check<R: ReadAt>(volume: &Volume<R>, findings: &mut Findings) -> Result<UpCase> {
    boot_sectors::check(volume, findings)?;
    mft::check(volume, findings)?;

    let mut note = Notes { volume, findings };
    let info = note.or_finding(
        Code::VolumeInformation,
        RECORD_VOLUME,
        VolumeInfo::read(volume),
    )?;
    let version = info
        .as_ref()
        .map(|info| (info.major_version, info.minor_version));
    if let Some((major, minor)) = version.filter(|version| !is_known(*version)) {
        let what = format!("the version is {major}.{minor}, which no Windows has");
        note.report(Code::VolumeInformation, Some(RECORD_VOLUME), &what);
    }
    if info.as_ref().is_some_and(VolumeInfo::is_dirty) {
        note.report(Code::Dirty, None, "the volume is marked dirty");
    }
    let hibernated = volume.is_hibernated();
    if note.or_finding(Code::RootDirectory, RECORD_ROOT, hibernated)? == Some(true) {
        let what = "Windows is hibernated on the volume, or was shut down with fast startup";
        note.report(Code::Hibernated, None, what);
    }

    let table = UpCase::read(volume);
    let table = note.or_finding(Code::Upcase, RECORD_UPCASE, table)?;
    let damage = table.as_ref().map(|table| upcase::check(volume, table));
    if let Some((code, what)) = damage.transpose()?.flatten() {
        note.report(code, Some(RECORD_UPCASE), what);
    }
    let record = RECORD_ATTRIBUTE_DEFINITIONS;
    let bytes = start(volume, record, MAX_DEFINITIONS);
    let bytes = note.or_finding(Code::AttributeDefinitions, record, bytes)?;
    if let Some(what) = bytes.as_deref().and_then(attribute_definitions::check) {
        note.report(Code::AttributeDefinitions, Some(record), what);
    }
    let journal = note.or_finding(Code::Journal, RECORD_LOG_FILE, volume.journal())?;
    if journal == Some(Journal::CleanByOnePage) {
        let what = "one of the two restart pages of the journal cannot be read";
        note.report(Code::JournalRestart, Some(RECORD_LOG_FILE), what);
    }
    // A journal that is lost is reported already.
    let journal = journal.unwrap_or(Journal::Clean);
    for reason in info.iter().flat_map(|info| Unclean::reasons(info, journal)) {
        let (code, record) = match reason {
            Unclean::Journal => (Code::JournalNotClean, Some(RECORD_LOG_FILE)),
            Unclean::JournalDamaged => (Code::Journal, Some(RECORD_LOG_FILE)),
            Unclean::CheckInterrupted => (Code::CheckInterrupted, None),
            _ => (Code::Unfinished, None),
        };
        note.report(code, record, reason.what());
    }
    Ok(table.unwrap_or_default())
}

/// Whether a released Windows has that version of NTFS.
fn is_known(version: (u8, u8)) -> bool {
    matches!(version, (1, 0..=2) | (3, 0 | 1))
}

/// The first bytes of the data of a file, `limit` at most.
fn start<R: ReadAt>(
    volume: &Volume<R>,
    record: RecordNumber,
    limit: u64,
) -> Result<alloc::vec::Vec<u8>> {
    let file = FileRecord::salvage(volume, record)?;
    let Some(data) = file.value(AttributeType::DATA, &[])? else {
        return Ok(alloc::vec::Vec::new());
    };
    let mut bytes = vec![0; len_usize(data.size().min(limit))];
    data.read_exact_at(volume.source(), volume.geometry(), 0, &mut bytes)?;
    Ok(bytes)
}

/// Turns damage into findings.
struct Notes<'a, R> {
    volume: &'a Volume<R>,
    findings: &'a mut Findings,
}

impl<R: ReadAt> Notes<'_, R> {
    fn report(&mut self, code: Code, record: Option<RecordNumber>, what: &str) {
        let Some(record) = record else {
            return self.findings.push(Finding::new(code, None, what));
        };
        let offset = self.volume.mft().record_offset(record);
        self.findings.report(code, record, offset, what);
    }

    /// `None` if it is damaged, which is a finding, or lost, which is one
    /// already.
    fn or_finding<T>(
        &mut self,
        code: Code,
        record: RecordNumber,
        result: Result<T>,
    ) -> Result<Option<T>> {
        match result {
            Err(error) if error.is_loss() => Ok(None),
            Err(error) if error.is_damage() => {
                self.report(code, Some(record), &with_causes(&error));
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}
