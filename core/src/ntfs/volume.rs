//! An NTFS volume, opened for reading.

use alloc::vec::Vec;

use super::boot_sector::{BootSector, OpenedFrom};
use super::mft::Mft;
use super::salvage::{self, Damage};
use crate::error::{Error, Result};
use crate::io::ReadAt;
use crate::units::Geometry;

/// An NTFS volume whose boot sector and `$MFT` were found; if it was salvaged,
/// as far as they could be.
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
    /// [`crate::open::explain_volume`] what it is), or a damaged `$MFT`;
    /// [`Error::VolumeCutShort`].
    pub fn open(source: R) -> Result<Self> {
        let (boot, opened_from, mft) = find(&source, |boot| Mft::load(&source, boot))?;
        Ok(Self {
            source,
            boot,
            opened_from,
            mft,
        })
    }

    /// Opens what can be opened of a damaged volume: records that are damaged
    /// in `$MFT` are read from `$MFTMirr`, as far as it has them, and where the
    /// end of `$MFT`, or all of it, cannot be found, there are fewer records,
    /// or none. Tells what was damaged; which boot sector was used is told by
    /// [`Volume::opened_from`].
    ///
    /// What was not found is not missed: which clusters are in use,
    /// [`crate::clusters::audit`] tells from `$Bitmap`, or takes them as used.
    /// For that, sectors that cannot be read must read as `0xFF` bytes: marked
    /// in `$Bitmap`, and in a record never what an update sequence number is.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; as [`Volume::open`], where no boot sector is usable.
    pub fn salvage(source: R) -> Result<(Self, Vec<Damage>)> {
        let (boot, opened_from, (mft, damage)) = salvage::find(&source)?;
        let volume = Self {
            source,
            boot,
            opened_from,
            mft,
        };
        Ok((volume, damage))
    }

    /// Like [`Volume::open`]; where its first records are in a lost part of an
    /// image, like [`Volume::salvage`].
    ///
    /// # Errors
    ///
    /// Those of [`Volume::open`].
    pub fn open_or_salvage(source: R) -> Result<Self>
    where
        R: Clone,
    {
        match Self::open(source.clone()) {
            Err(error) if error.is_loss() => match Self::salvage(source) {
                Ok((volume, _)) if volume.mft.record_count() > 0 => Ok(volume),
                Err(error) if error.is_missing() => Err(error),
                _ => Err(error),
            },
            opened => opened,
        }
    }

    /// Like [`Volume::open`]; if its first records are damaged, like [`Volume::salvage`], as long as it knows of any
    /// file. Nothing is to be copied by it.
    ///
    /// # Errors
    ///
    /// Those of [`Volume::open`].
    pub fn open_to_look(source: R) -> Result<(Self, Vec<Damage>)>
    where
        R: Clone,
    {
        let error = match Self::open(source.clone()) {
            Ok(volume) => return Ok((volume, Vec::new())),
            Err(error) if error.is_damage() => error,
            Err(error) => return Err(error),
        };
        match Self::salvage(source) {
            Ok((volume, damage)) if volume.mft.record_count() > 0 => Ok((volume, damage)),
            Err(missing) if missing.is_missing() => Err(missing),
            _ => Err(error),
        }
    }

    /// What the volume is read from.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// What the volume was read from.
    pub fn into_source(self) -> R {
        self.source
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

/// Finds something by the first boot sector or, where that is damaged, or looks
/// sound and leads nowhere, by the backup.
///
/// # Errors
///
/// [`Error::Io`]; what is wrong with the first, or was found by it.
pub(super) fn find<T>(
    source: &(impl ReadAt + ?Sized),
    by: impl Fn(&BootSector) -> Result<T>,
) -> Result<(BootSector, OpenedFrom, T)> {
    let by_one = |(boot, opened_from): (BootSector, OpenedFrom)| -> Result<_> {
        check_fits(source, &boot)?;
        Ok((boot, opened_from, by(&boot)?))
    };
    let first = BootSector::read(source)?;
    match by_one(first) {
        Err(error) if error.is_damage() => {
            let backup = BootSector::read_backup(source).filter(|(boot, _)| *boot != first.0);
            match backup.map(by_one) {
                Some(Err(backup_error)) if !backup_error.is_damage() => Err(backup_error),
                Some(Ok(found)) => Ok(found),
                _ => Err(error),
            }
        }
        found => found,
    }
}

fn check_fits(source: &(impl ReadAt + ?Sized), boot: &BootSector) -> Result<()> {
    let needed = boot.geometry.bytes(boot.geometry.nr_clusters());
    let size = source.size();
    if needed > size {
        return Err(Error::VolumeCutShort { needed, size });
    }
    Ok(())
}
