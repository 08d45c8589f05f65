//! `$MFT` as a whole, and `$MFTMirr`: where the boot sector leads, and how much
//! of it is there.

use super::code::Code;
use super::finding::{Finding, Findings};
use crate::error::{Result, with_causes};
use crate::io::ReadAt;
use crate::ntfs::attribute::AttributeType;
use crate::ntfs::mft::{RECORD_MFT, RECORD_MFT_MIRROR};
use crate::ntfs::value::Value;
use crate::ntfs::{FileRecord, Volume};

/// Reports where `$MFT` is shorter than it says, and where `$MFTMirr` is not a
/// copy of its first records, or not where the boot sector has it.
pub(super) fn check<R: ReadAt>(volume: &Volume<R>, findings: &mut Findings) -> Result<()> {
    let mft = volume.mft();
    let data = mft.data();
    let record_size = u64::from(volume.geometry().mft_record_size);
    let known = data.reach(volume.geometry());
    if known < data.data_size() || !data.data_size().is_multiple_of(record_size) {
        let what = alloc::format!(
            "it has {} bytes, of which {known} are there",
            data.data_size()
        );
        let offset = mft.record_offset(RECORD_MFT);
        findings.report(Code::MftSize, RECORD_MFT, offset, &what);
    }

    let place = mirror_place(volume).map(|place| {
        let expected = volume.geometry().offset(volume.boot().mft_mirror);
        place.is_some_and(|place| place != expected)
    });
    match place {
        Ok(true) => {
            let what = "$MFTMirr is not where the boot sector has it";
            let record = RECORD_MFT_MIRROR;
            let offset = mft.record_offset(record);
            findings.report(Code::MftMirror, record, offset, what);
        }
        Err(error) if !error.is_damage() => return Err(error),
        _ => {}
    }
    match mft.check_mirror(volume.source(), volume.boot()) {
        // The loss is a finding already.
        Err(error) if error.is_loss() => {}
        Err(error) if error.is_damage() => {
            findings.push(Finding::new(Code::MftMirror, None, with_causes(&error)));
        }
        other => other?,
    }
    Ok(())
}

/// Where the record of `$MFTMirr` says that it begins, in bytes.
fn mirror_place<R: ReadAt>(volume: &Volume<R>) -> Result<Option<u64>> {
    let file = FileRecord::salvage(volume, RECORD_MFT_MIRROR)?;
    match file.value(AttributeType::DATA, &[])? {
        Some(Value::NonResident(stream)) => Ok(stream.position_on_volume(volume.geometry(), 0)),
        _ => Ok(None),
    }
}
