//! The kinds of findings: their names, how grave they are, what they mean and
//! what to do.

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Severity {
    /// Data is lost, or a copy would not be whole.
    Error,
    /// Nothing is lost that is known, and something is not as it should be.
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
    /// No NTFS volume was found.
    VolumeUnreadable,
    /// The NTFS in an image could not be looked at.
    VolumeNotChecked,
    /// The first boot sector is damaged; the backup was used.
    BootSector,
    /// The first records of `$MFT` and their copies differ.
    MftMirror,
    /// `$Volume` cannot be read.
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
    /// A record of `$MFT` is damaged as a whole.
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
    /// An attribute is of no known type, or its value breaks the rules.
    AttributeInvalid,
    /// A file lacks an attribute that each file has.
    AttributeMissing,
    /// The sizes of a value contradict each other, or its clusters.
    AttributeSizes,
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
    /// A security descriptor, or its place in the indexes of `$Secure`, is
    /// damaged, or there is none for a file.
    Security,
    /// An index of `$Extend` names a file that is not there.
    ExtendIndex,
    /// A compressed part of a file cannot be decompressed.
    CompressedUnit,
    /// A file has sectors that a rescue could not read.
    RescueMark,
}

const CHKDSK: &str = "run chkdsk /f in Windows on the restored volume; if the original is still \
                      there, repair it and make a new image";

impl Code {
    /// How grave findings of this kind are.
    pub fn severity(self) -> Severity {
        self.about().0
    }

    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        self.about().1
    }

    /// What to do about it, in a sentence.
    pub fn advice(self) -> &'static str {
        self.about().2
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
            Self::ImageTrailing | Self::StreamEnd | Self::SeekTable | Self::Summary => {
                Effect::Untidy
            }
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

    fn about(self) -> (Severity, &'static str, &'static str) {
        use Severity::{Error, Note, Warning};
        const FETCH: &str = "take another copy of it, if there is one; or restore what there is \
                             with --restore-image --rescue";
        match self {
            Self::ImageHeader => (Error, "the image does not begin as it must", FETCH),
            Self::ImageCommand => (Error, "the image is damaged from here on", FETCH),
            Self::ImageTruncated => (
                Error,
                "the image was not written, or not fetched, to its end",
                FETCH,
            ),
            Self::ImageTrailing => (
                Error,
                "the volume is whole, but what follows does not belong to it; a restore refuses it",
                "if two files were joined, take them apart",
            ),
            Self::ImageCount => (
                Warning,
                "the writer counted differently; nothing depends on it but progress",
                "nothing, if all else is sound",
            ),
            Self::ImageWithoutTail => (
                Note,
                "images of this old version do not hold the backup boot sector",
                "after a restore, chkdsk or ntfsfix makes a new one",
            ),
            Self::ImageUnreadable => (
                Error,
                "the rest of the image is not known",
                "if the disk is failing, copy the image elsewhere with GNU ddrescue first; else \
                 take another copy of it",
            ),
            Self::BlockChecksum => (
                Error,
                "bytes of these clusters, or of the checksum, changed since the image was written",
                FETCH,
            ),
            Self::FrameDamaged => (
                Error,
                "what was in it is lost; all else can be read",
                "take another copy of the image, if there is one, or make a new one",
            ),
            Self::StreamEnd => (
                Error,
                "nothing of the image is missing",
                "it can be restored; take another copy of it, if there is one, or save the volume \
                 in it again",
            ),
            Self::SeekTable => (
                Error,
                "nothing of the volume is lost by that: its frames were found without it",
                "it can be restored; take another copy of it, if there is one, or save the volume \
                 in it again",
            ),
            Self::Summary => (
                Error,
                "what it was made from is not known, and clusters are found by reading; nothing \
                 of the volume is lost by that",
                "it can be restored; take another copy of it, if there is one, or save the volume \
                 in it again",
            ),
            Self::Checksum => (
                Error,
                "bytes changed since the image was written",
                "take another copy of it, if there is one; check the disk and the memory",
            ),
            Self::VolumeUnreadable => (
                Error,
                "no file can be found without it",
                "restore it and let a recovery program look at the result",
            ),
            Self::VolumeNotChecked => (
                Error,
                "the image may be whole, and the volume in it damaged all the same",
                "verify a file, not a pipe, or decompress it to a file first",
            ),
            Self::BootSector => (
                Error,
                "Windows will not mount it; the backup boot sector is sound",
                "repair it on the restored volume (chkdsk, testdisk)",
            ),
            Self::MftMirror => (
                Error,
                "one of the two copies is old or damaged, and no copy is made of such a volume",
                CHKDSK,
            ),
            Self::VolumeInformation => (
                Error,
                "label, version and flags of the volume are not known; Windows will not mount it",
                CHKDSK,
            ),
            Self::Dirty => (
                Warning,
                "it was not unmounted cleanly before it was copied, or Windows found errors",
                CHKDSK,
            ),
            Self::Hibernated => (
                Warning,
                "files that Windows had open may be older here than Windows knew",
                "boot Windows from the restored volume only, or delete hiberfil.sys first",
            ),
            Self::RootDirectory => (Error, "no file can be found by its path", CHKDSK),
            Self::RecordsLost => (
                Error,
                "where the content of their files lies is not known",
                "take another copy of the image, if there is one, or make a new one",
            ),
            Self::RecordSkipped => (
                Warning,
                "$MFT marks it as free: it belongs to no file",
                CHKDSK,
            ),
            Self::RecordDamaged => (
                Error,
                "some clusters of the file are not known, and may be missing",
                CHKDSK,
            ),
            Self::RunPastEnd => (
                Error,
                "that part of the file never was on this volume",
                CHKDSK,
            ),
            Self::ClusterClaimedTwice => {
                (Error, "at most one of the files has its content", CHKDSK)
            }
            Self::ClusterNotInBitmap => (
                Error,
                "the next file that is written may take the place of this content",
                CHKDSK,
            ),
            Self::ClusterOnlyInBitmap => (
                Warning,
                "space is lost, and no data, where all records of files can be read; Windows leaves \
                 such behind on healthy volumes",
                "nothing, if no other finding is an error; chkdsk /f gives the space back",
            ),
            Self::Bitmap => (Error, "which clusters are in use is not known", CHKDSK),
            Self::BadClusters => (
                Note,
                "Windows found bad sectors there; no file has them, and they are not copied",
                "on another disk they stay marked: chkdsk /b in Windows, or ntfsfix -b, makes them \
                 usable again",
            ),
            Self::ClusterMissing => (
                Error,
                "a restored volume has zeros there, or what was on the disk before",
                "take another copy of the image, or make a new one",
            ),
            Self::MetadataOnly => (
                Note,
                "names and places of files are in it, and nothing of their content",
                "restore it to look at the file system, not to get files back",
            ),
            Self::ContentDiffers => (
                Error,
                "the two do not hold the same",
                "if nothing was written to either since, copy it again, and check the disks and \
                 the memory",
            ),
            Self::OtherVolume => (
                Error,
                "neither is a copy of the other",
                "is it the right device, or image?",
            ),
            Self::SerialDiffers => (
                Note,
                "--new-serial makes that, and nothing else differs by it",
                "the copy is right as it is",
            ),
            Self::NotCompared => (
                Error,
                "whether the two hold the same is not known",
                "see the other findings first",
            ),
            Self::RecordUnreadable => (
                Error,
                "the file, or a part of it, cannot be opened, and its content is not known",
                CHKDSK,
            ),
            Self::RecordHeader => (
                Error,
                "Windows or Linux may refuse to open the file",
                CHKDSK,
            ),
            Self::RecordOrphaned => (
                Error,
                "a part of a file cannot be found from the file",
                CHKDSK,
            ),
            Self::AttributeOrder => (
                Error,
                "Windows and Linux do not find the attributes that are out of order",
                CHKDSK,
            ),
            Self::AttributeInstance => (Warning, "Windows would number them again", CHKDSK),
            Self::AttributeInvalid => (
                Error,
                "Windows would remove the attribute, and what is in it",
                CHKDSK,
            ),
            Self::AttributeMissing => (
                Error,
                "Windows and Linux cannot open the file as it was",
                CHKDSK,
            ),
            Self::AttributeSizes => (
                Error,
                "Windows would cut the content to what is known of its clusters",
                CHKDSK,
            ),
            Self::AttributeList => (
                Error,
                "attributes that the list does not name are not found",
                CHKDSK,
            ),
            Self::LinkCount => (
                Warning,
                "Windows would correct it; until then, deleting one name may delete the file",
                CHKDSK,
            ),
            Self::IndexDamaged => (Error, "names in it are not found", CHKDSK),
            Self::IndexOrder => (
                Error,
                "Windows and Linux do not find the names that are out of order",
                CHKDSK,
            ),
            Self::IndexBlockFree => (
                Error,
                "the next new name may take the place of the names in it",
                CHKDSK,
            ),
            Self::IndexBlockUnused => (
                Warning,
                "space is lost, and no data; Windows would mark it as free",
                CHKDSK,
            ),
            Self::EntryWithoutFile => (
                Error,
                "the name is there, and the file is gone; Windows would remove the name",
                CHKDSK,
            ),
            Self::EntryStale => (
                Error,
                "the name does not lead to its file; Windows would remove it",
                CHKDSK,
            ),
            Self::NameMismatch => (
                Error,
                "the file may not be found by its name; Windows would correct or remove the name",
                CHKDSK,
            ),
            Self::NotInDirectory => (
                Error,
                "the file is whole, and cannot be found; Windows would put it back, or in found.000",
                CHKDSK,
            ),
            Self::DirectoryCycle => (
                Error,
                "what is in them cannot be found; Windows would put them in found.000",
                CHKDSK,
            ),
            Self::RecordMarkedFree => (
                Error,
                "the next new file may take the place of this one",
                CHKDSK,
            ),
            Self::RecordMarkedUsed => (
                Warning,
                "no data is lost; Windows would mark it as free",
                CHKDSK,
            ),
            Self::MftSize => (Error, "files in the missing part are not found", CHKDSK),
            Self::BootSectorsDiffer => (
                Error,
                "one of them leads to the wrong place, or is of another volume",
                CHKDSK,
            ),
            Self::BackupBootSector => (
                Warning,
                "it is needed only when the first one is damaged; Windows would write it again",
                CHKDSK,
            ),
            Self::Upcase => (
                Error,
                "Windows will not mount the volume, or not find names",
                CHKDSK,
            ),
            Self::AttributeDefinitions => (Error, "Windows will not mount the volume", CHKDSK),
            Self::JournalNotClean => (
                Warning,
                "the volume was in use when it was copied, or was not unmounted; Windows completes \
                 the changes when it mounts it, Linux mounts it for reading only",
                "mount the restored volume in Windows once",
            ),
            Self::Journal => (
                Error,
                "changes that were being made are lost; Windows may not mount the volume",
                CHKDSK,
            ),
            Self::JournalRestart => (
                Warning,
                "the other one is sound; Windows would write it again",
                CHKDSK,
            ),
            Self::CheckInterrupted => (
                Warning,
                "what it was to repair may not be repaired; Windows will check again",
                CHKDSK,
            ),
            Self::Security => (
                Warning,
                "files may open for everyone, or for no one; Windows would give them default \
                 permissions",
                CHKDSK,
            ),
            Self::ExtendIndex => (
                Warning,
                "no data is lost; Windows would correct the index",
                CHKDSK,
            ),
            Self::CompressedUnit => (Error, "that part of the file is lost", CHKDSK),
            Self::RescueMark => (
                Error,
                "the disk could not be read there; that part of the file is lost",
                "take the file from another copy, if there is one",
            ),
        }
    }
}
