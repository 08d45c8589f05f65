//! Single structures, as they stand on disk.

use ntfsclone_core::ntfs::attribute_list::Entries;
use ntfsclone_core::ntfs::boot_sector::{BOOT_SECTOR_BYTES, BootSector};
use ntfsclone_core::ntfs::file_name::FileName;
use ntfsclone_core::ntfs::mft_record::MftRecord;
use ntfsclone_core::ntfs::runlist::Runs;
use ntfsclone_core::ntfs::{AttributeBody, Run, value};
use ntfsclone_core::units::{RecordNumber, Vcn};
use ntfsclone_core::wipe::{Times, WipeError, Wiped, wipe_index_record, wipe_mft_record};

/// The first bytes as a boot sector, then all of them as a device.
pub fn boot_sector(data: &[u8]) {
    let mut sector = [0; BOOT_SECTOR_BYTES];
    for (byte, given) in sector.iter_mut().zip(data) {
        *byte = *given;
    }
    if let Ok(boot) = BootSector::parse(&sector, 0) {
        check_boot_sector(&boot);
    }
    if let Ok((boot, _)) = BootSector::read(data) {
        check_boot_sector(&boot);
    }
}

fn check_boot_sector(boot: &BootSector) {
    let geometry = &boot.geometry;
    assert!((256..=4096).contains(&geometry.sector_size));
    assert!((256..=2 << 20).contains(&geometry.cluster_size));
    assert!(geometry.cluster_size >= geometry.sector_size);
    assert!(geometry.cluster_size.is_power_of_two());
    assert!((512..=64 << 10).contains(&geometry.mft_record_size));
    assert!(geometry.mft_record_size.is_power_of_two());
    assert!((512..=2 << 20).contains(&geometry.index_record_size));
    assert!(geometry.index_record_size.is_power_of_two());
    assert!(boot.mft.0 < geometry.nr_clusters());
    assert!(boot.mft_mirror.0 < geometry.nr_clusters());
    assert!(i64::try_from(geometry.backup_boot_sector()).is_ok());
}

/// The input as a record of `$MFT`, with its fixup and as if that were undone;
/// and wiped, as such or as one of a directory index.
pub fn mft_record(data: &[u8]) {
    if let Ok(record) = MftRecord::parse(data, 0) {
        check_record(&record, data.len());
    }
    let mut bytes = data.to_vec();
    if let Ok(record) = MftRecord::from_disk(&mut bytes, 0) {
        check_record(&record, data.len());
    }
    for number in [0, 100].map(RecordNumber) {
        check_wiped(data, |bytes, wiped| {
            wipe_mft_record(bytes, number, Times::Reset, wiped)
        });
    }
    check_wiped(data, |bytes, wiped| {
        wipe_index_record(bytes, Times::Reset, wiped)
    });
}

/// What is no whole record stays as it is; what was wiped is still a whole one.
fn check_wiped(data: &[u8], wipe: impl Fn(&mut [u8], &mut Wiped) -> Result<(), WipeError>) {
    let mut bytes = data.to_vec();
    if let Err(WipeError::NotARecord(_)) = wipe(&mut bytes, &mut Wiped::default()) {
        assert!(bytes == data, "an error, and a change");
        return;
    }
    let again = wipe(&mut bytes, &mut Wiped::default());
    let is_whole = !matches!(again, Err(WipeError::NotARecord(_)));
    assert!(is_whole, "no longer a whole record");
}

fn check_record(record: &MftRecord<'_>, len: usize) {
    assert!(record.bytes().len() <= len);
    let mut end = 0;
    for attribute in record.attributes() {
        let Ok(attribute) = attribute else { break };
        assert!(attribute.offset >= end, "attributes overlap");
        end = attribute.offset + 1;
        match attribute.body {
            AttributeBody::Resident(bytes) => {
                if let Some(name) = FileName::parse(bytes) {
                    name.to_text();
                }
            }
            AttributeBody::NonResident(body) => check_runs(body.runs(), body.lowest_vcn, len),
        }
        let _ = value::join([attribute]);
    }
    assert!(end <= len as u64);
}

/// Eight bytes of the lowest VCN, then mapping pairs.
pub fn runlist(data: &[u8]) {
    let Some((lowest_vcn, pairs)) = data.split_first_chunk() else {
        return;
    };
    let lowest_vcn = Vcn(u64::from_le_bytes(*lowest_vcn));
    check_runs(Runs::new(pairs, lowest_vcn, 0), lowest_vcn, pairs.len());
}

/// The runs follow each other, and there are no more than bytes.
fn check_runs(runs: Runs<'_>, lowest_vcn: Vcn, len: usize) {
    let runs: Vec<Run> = runs.map_while(Result::ok).collect();
    assert!(runs.len() <= len);
    let mut next = lowest_vcn;
    for run in runs {
        assert_eq!(run.vcn, next);
        assert!(run.len > 0);
        next = Vcn(run.vcn.0.checked_add(run.len).expect("no run wraps"));
        assert!(i64::try_from(next.0).is_ok());
    }
}

/// The value of an attribute list.
pub fn attribute_list(data: &[u8]) {
    let entries = Entries::new(data, 0).filter(Result::is_ok).count();
    assert!(entries.saturating_mul(24) <= data.len());
    let errors = Entries::new(data, 0).filter(Result::is_err).count();
    assert!(errors <= 1, "it ends after the first error");
}
