//! An NTFS volume, opened for reading.

use super::boot_sector::{BootSector, OpenedFrom};
use super::mft::Mft;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::Geometry;

/// An NTFS volume whose boot sector and `$MFT` were found.
#[derive(Debug)]
pub struct Volume<R> {
    source: R,
    boot: BootSector,
    opened_from: OpenedFrom,
    mft: Mft,
}

impl<R: ReadAt> Volume<R> {
    /// Opens a volume: reads its boot sector and finds all records.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`]: no boot sector of NTFS (ask
    /// [`super::foreign::identify`] what it is), one of a volume larger than
    /// its device, or a damaged `$MFT`.
    pub fn open(source: R) -> Result<Self> {
        let (boot, opened_from) = BootSector::read(&source)?;
        let (boot, opened_from, mft) = match find_mft(&source, &boot) {
            Ok(mft) => (boot, opened_from, mft),
            // A damaged first boot sector may look sound, and lead nowhere.
            Err(error @ (Error::Corrupt { .. } | Error::Limit { .. })) => {
                let backup = BootSector::read_backup(&source).filter(|(other, _)| *other != boot);
                let found = backup.and_then(|(boot, opened_from)| {
                    let mft = find_mft(&source, &boot).ok()?;
                    Some((boot, opened_from, mft))
                });
                found.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            source,
            boot,
            opened_from,
            mft,
        })
    }

    /// What the volume is read from.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// The boot sector.
    pub fn boot(&self) -> &BootSector {
        &self.boot
    }

    /// Which of the two boot sectors was used.
    pub fn opened_from(&self) -> OpenedFrom {
        self.opened_from
    }

    /// The sizes of the volume.
    pub fn geometry(&self) -> &Geometry {
        &self.boot.geometry
    }

    /// Where the records are.
    pub fn mft(&self) -> &Mft {
        &self.mft
    }

    /// Bytes after the last cluster that belong to an image: what is left of
    /// the device, at most one cluster. The backup boot sector is in them.
    pub fn tail_size(&self) -> u64 {
        let geometry = self.geometry();
        self.source
            .size()
            .saturating_sub(geometry.bytes(geometry.nr_clusters()))
            .min(u64::from(geometry.cluster_size))
    }
}

fn find_mft(source: &(impl ReadAt + ?Sized), boot: &BootSector) -> Result<Mft> {
    let needed = boot.geometry.bytes(boot.geometry.nr_clusters());
    if needed > source.size() {
        return Err(Error::Limit {
            structure: Structure::BootSector,
            offset: 0,
            found: needed,
            limit: source.size(),
        });
    }
    Mft::load(source, boot)
}
