//! The kinds of findings, and what becomes of data. What they mean is in
//! `meaning.rs`.

use super::meaning::{CHKDSK, about};
use super::systems::systems;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Severity {
    /// Something is lost or hidden, or may be; a copy would not be whole; or Windows
    /// or Linux would not mount the volume.
    Error,
    /// Something is not as it should be, and no file is lost or hidden by it.
    Warning,
    /// Good to know.
    Note,
}

/// What becomes of data by a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Effect {
    /// It is gone, or in danger, or not known to be there.
    Lost,
    /// It is there, and cannot be reached, or not by its name.
    Hidden,
    /// Nothing.
    Untidy,
}

/// A kind of finding. Its name, as programs read it, is that of the variant in
/// lower case with hyphens: `image-truncated`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Code {
    /// The header of the image breaks the rules of its format.
    ImageHeader,
    /// A command of the image is none, or leads out of the volume.
    ImageCommand,
    /// The image ends before its last command.
    ImageTruncated,
    /// Something follows the end of the image.
    ImageTrailing,
    /// The image holds more or fewer clusters than its header says.
    ImageCount,
    /// The image is of a version without the backup boot sector.
    ImageWithoutTail,
    /// The image could not be read, or not be decompressed, to its end.
    ImageUnreadable,
    /// A checksum in an image of partclone does not match the clusters that it covers.
    BlockChecksum,
    /// A frame of a compressed image cannot be decompressed.
    FrameDamaged,
    /// The image is whole, and the compressed file around it is not.
    StreamEnd,
    /// The table of where the frames of a compressed image are is damaged.
    SeekTable,
    /// What a compressed image tells of itself is damaged, or not so.
    Summary,
    /// Content is not what it was when its checksum was made.
    Checksum,
    /// The checksum beside a file was made before the file was written.
    ChecksumOutdated,
    /// No NTFS volume was found.
    VolumeUnreadable,
    /// The NTFS in an image could not be looked at.
    VolumeNotChecked,
    /// The first boot sector is damaged; the backup was used.
    BootSector,
    /// The first records of `$MFT` and their copies differ.
    MftMirror,
    /// `$Volume` cannot be read, or its version is not that of the volume.
    VolumeInformation,
    /// The volume is marked dirty.
    Dirty,
    /// Windows is hibernated on the volume.
    Hibernated,
    /// The root directory cannot be read.
    RootDirectory,
    /// Records of `$MFT`, or the runlist of a file, are in a damaged part of the
    /// image.
    RecordsLost,
    /// A record of `$MFT` that is marked as free is badly formed.
    RecordSkipped,
    /// A file's record or runlist is damaged.
    RecordDamaged,
    /// A file claims clusters past the end of the volume.
    RunPastEnd,
    /// Two files claim the same clusters.
    ClusterClaimedTwice,
    /// A file has clusters that `$Bitmap` calls free.
    ClusterNotInBitmap,
    /// `$Bitmap` marks clusters that no file has.
    ClusterOnlyInBitmap,
    /// `$Bitmap` is damaged.
    Bitmap,
    /// `$BadClus` marks clusters as bad.
    BadClusters,
    /// Clusters in use are not in the image.
    ClusterMissing,
    /// The image holds metadata only.
    MetadataOnly,
    /// What is in use differs from what it was compared with.
    ContentDiffers,
    /// Two volumes that were to be compared are not of one origin.
    OtherVolume,
    /// Two volumes that were compared have serial numbers of their own.
    SerialDiffers,
    /// Two volumes that were compared have been made for different places on a disk.
    HiddenSectorsDiffer,
    /// It was not compared.
    NotCompared,
    /// A record that belongs to a file cannot be read.
    RecordUnreadable,
    /// The header of a record in use contradicts itself, or where it stands.
    RecordHeader,
    /// An extension record and its base record do not name each other.
    RecordOrphaned,
    /// The attributes of a record are not in ascending order.
    AttributeOrder,
    /// Two attributes of a record have the same instance number.
    AttributeInstance,
    /// Flags of an attribute are not those of its type, or of its value.
    AttributeFlags,
    /// An attribute is of no known type, or its value breaks the rules.
    AttributeInvalid,
    /// A file lacks an attribute that each file has.
    AttributeMissing,
    /// The sizes of a value contradict each other, or its clusters.
    AttributeSizes,
    /// The size on disk of a compressed or sparse value is not that of its clusters.
    CompressedSize,
    /// An attribute list does not name all attributes, or not as they are.
    AttributeList,
    /// A record counts more or fewer names than it has.
    LinkCount,
    /// A node of a directory, or of another index, is damaged.
    IndexDamaged,
    /// Entries of an index are not in their order.
    IndexOrder,
    /// A block of an index is in use, and marked as free.
    IndexBlockFree,
    /// A block of an index is marked as in use, and leads to nothing.
    IndexBlockUnused,
    /// An entry of a directory names a record that is no file.
    EntryWithoutFile,
    /// An entry of a directory names a file that was there before another one.
    EntryStale,
    /// A file and the entry that names it disagree about its name or directory.
    NameMismatch,
    /// No directory has an entry for a file.
    NotInDirectory,
    /// Directories are in each other, and not in the root directory.
    DirectoryCycle,
    /// A record is in use, and marked as free in `$MFT:$BITMAP`.
    RecordMarkedFree,
    /// A record is free, and marked as in use in `$MFT:$BITMAP`.
    RecordMarkedUsed,
    /// `$MFT` or its bitmap is shorter than it must be.
    MftSize,
    /// The boot sector and its backup disagree.
    BootSectorsDiffer,
    /// The backup of the boot sector is damaged or missing.
    BackupBootSector,
    /// `$UpCase` is damaged.
    Upcase,
    /// `$UpCase` is in order, and not one of those of Windows.
    UpcaseUnknown,
    /// `$AttrDef` is damaged.
    AttributeDefinitions,
    /// `$LogFile` has changes that are not yet in place.
    JournalNotClean,
    /// `$LogFile` is damaged.
    Journal,
    /// One of the two restart pages of `$LogFile` is damaged.
    JournalRestart,
    /// A check by Windows was interrupted.
    CheckInterrupted,
    /// `$Volume` is marked with work that Windows has yet to do.
    Unfinished,
    /// A security descriptor, or its place in the indexes of `$Secure`, is
    /// damaged, or there is none for a file.
    Security,
    /// `$Secure` lacks the security descriptors, or one of the indexes over them.
    SecurityMissing,
    /// An index of `$Extend` names a file that is not there.
    ExtendIndex,
    /// A compressed part of a file cannot be decompressed.
    CompressedUnit,
    /// A file has sectors that a rescue could not read.
    RescueMark,
}

impl Code {
    /// How grave findings of this kind are.
    pub fn severity(self) -> Severity {
        about(self).0
    }

    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        about(self).1
    }

    /// What Windows and Linux do with the volume, in a sentence; `None` where they
    /// do not get to see it.
    pub fn systems(self) -> Option<&'static str> {
        systems(self)
    }

    /// What to do about it, in a sentence.
    pub fn advice(self) -> &'static str {
        about(self).2
    }

    /// Whether a volume on which it is found is not clean, whatever else is sound.
    pub fn is_unclean(self) -> bool {
        matches!(
            self,
            Self::Dirty
                | Self::Hibernated
                | Self::JournalNotClean
                | Self::Journal
                | Self::CheckInterrupted
                | Self::Unfinished
        )
    }

    /// What becomes of data.
    pub fn effect(self) -> Effect {
        match self {
            Self::ImageHeader
            | Self::VolumeUnreadable
            | Self::VolumeNotChecked
            | Self::NotCompared
            | Self::BootSector
            | Self::BootSectorsDiffer
            | Self::MftMirror
            | Self::MftSize
            | Self::VolumeInformation
            | Self::RootDirectory
            | Self::Upcase
            | Self::AttributeDefinitions
            | Self::SecurityMissing
            | Self::Journal
            | Self::Bitmap
            | Self::RecordHeader
            | Self::AttributeOrder
            | Self::IndexDamaged
            | Self::IndexOrder
            | Self::EntryStale
            | Self::NameMismatch
            | Self::NotInDirectory
            | Self::DirectoryCycle => Effect::Hidden,
            Self::ImageTrailing
            | Self::StreamEnd
            | Self::SeekTable
            | Self::Summary
            | Self::ChecksumOutdated => Effect::Untidy,
            _ if self.severity() == Severity::Error => Effect::Lost,
            _ => Effect::Untidy,
        }
    }

    /// What to do about it on a volume itself, not in an image of one.
    pub fn advice_on_volume(self) -> &'static str {
        match self {
            Self::VolumeUnreadable => {
                "is it the right device or file? If it is, let a recovery program look at a copy \
                 of it"
            }
            Self::BootSector => "repair it: chkdsk /f in Windows, or testdisk",
            Self::Hibernated => "boot Windows from it only, or delete hiberfil.sys first",
            Self::BadClusters => {
                "look at the disk's health (smartctl -a), and copy the volume to another; there, \
                 chkdsk /b in Windows, or ntfsfix -b, makes them usable again"
            }
            _ if self.advice() == CHKDSK => "run chkdsk /f in Windows on it",
            _ => self.advice(),
        }
    }
}
