//! What tells a volume, as it is at one time, from all others.

use ntfsclone_core::io::{ReadAt, Source};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::attribute::AttributeType;
use ntfsclone_core::ntfs::bitmap::Chunks;
use ntfsclone_core::ntfs::file_record::FileRecord;
use ntfsclone_core::ntfs::mft::RECORD_LOG_FILE;

/// Bytes at both ends of a volume that cannot be opened.
const END_BYTES: u64 = 1 << 20;

/// Bytes of `$MFT`: the file system's own files, and the first others.
const MFT_BYTES: u64 = 256 << 10;

/// Bytes of `$LogFile`: its restart pages, which change whenever a volume is written to.
const LOG_BYTES: u64 = 16 << 10;

/// What tells a volume from others, and from itself at another time: an overlay of the one
/// makes no sense on the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub size: u64,
    pub serial: u64,
    /// BLAKE3 of what changes with almost any write.
    pub fingerprint: [u8; 32],
}

impl Identity {
    /// Of the volume that `source` holds. What cannot be read is left out: it could not be
    /// at any other time.
    pub fn of(source: &Source, volume: Option<&Volume<Source>>) -> Self {
        let mut hasher = blake3::Hasher::new();
        match volume {
            Some(volume) => hash_volume(&mut hasher, volume),
            None => {
                let size = source.size();
                hash_part(&mut hasher, source, 0, END_BYTES.min(size));
                let end = size.saturating_sub(END_BYTES);
                hash_part(&mut hasher, source, end, size - end);
            }
        }
        Self {
            size: source.size(),
            serial: volume.map_or(0, |volume| volume.boot().serial_number),
            fingerprint: hasher.finalize().into(),
        }
    }
}

/// The start of `$MFT`, the restart pages of `$LogFile`, and `$Bitmap`.
fn hash_volume(hasher: &mut blake3::Hasher, volume: &Volume<Source>) {
    let (source, geometry) = (volume.source(), volume.geometry());
    let mft = volume.mft().data();
    let len = MFT_BYTES.min(mft.reach(geometry));
    let mut bytes = vec![0; len as usize];
    if mft.read_exact_at(source, geometry, 0, &mut bytes).is_ok() {
        hasher.update(&bytes);
    }
    let log = FileRecord::salvage(volume, RECORD_LOG_FILE);
    if let Ok(Some(log)) = log.and_then(|record| record.value(AttributeType::DATA, &[])) {
        let len = LOG_BYTES.min(log.reach(geometry));
        let mut bytes = vec![0; len as usize];
        if log.read_exact_at(source, geometry, 0, &mut bytes).is_ok() {
            hasher.update(&bytes);
        }
    }
    if let Ok(mut chunks) = Chunks::new(volume) {
        while let Ok(Some((_, words))) = chunks.next(volume) {
            for word in words {
                hasher.update(&word.to_le_bytes());
            }
        }
    }
}

fn hash_part(hasher: &mut blake3::Hasher, source: &Source, offset: u64, len: u64) {
    let mut bytes = vec![0; len as usize];
    if source.read_exact_at(offset, &mut bytes).is_ok() {
        hasher.update(&bytes);
    }
}
