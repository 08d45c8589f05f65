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
    /// It cannot be told whether Windows is hibernated.
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
}

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
            Self::ClusterClaimedTwice
            | Self::RunPastEnd
            | Self::RecordDamaged
            | Self::MftMirror
            | Self::VolumeInformation
            | Self::Dirty
            | Self::RootDirectory
            | Self::RecordSkipped
            | Self::ClusterNotInBitmap
            | Self::Bitmap => "run chkdsk /f in Windows on it",
            _ => self.advice(),
        }
    }

    fn about(self) -> (Severity, &'static str, &'static str) {
        use Severity::{Error, Note, Warning};
        const FETCH: &str = "take another copy of it, if there is one; or restore what there is \
                             with --restore-image --rescue";
        const CHKDSK: &str = "run chkdsk /f in Windows on the restored volume; if the original \
                              is still there, repair it and make a new image";
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
                Warning,
                "Windows will not mount it; the backup boot sector is sound",
                "repair it on the restored volume (chkdsk, testdisk)",
            ),
            Self::MftMirror => (
                Error,
                "one of the two copies is old or damaged, and no copy is made of such a volume",
                CHKDSK,
            ),
            Self::VolumeInformation => (
                Warning,
                "label, version and flags of the volume are not known",
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
            Self::RootDirectory => (
                Warning,
                "it cannot be told whether Windows is hibernated",
                CHKDSK,
            ),
            Self::RecordsLost => (
                Error,
                "where the content of their files lies is not known",
                "take another copy of the image, if there is one, or make a new one",
            ),
            Self::RecordSkipped => (
                Warning,
                "whether it belonged to a file is not known",
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
                "room is lost, and no data; Windows leaves such behind on healthy volumes",
                "nothing; chkdsk /f gives the room back",
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
                "nothing",
            ),
            Self::NotCompared => (
                Error,
                "whether the two hold the same is not known",
                "see the other findings first",
            ),
        }
    }
}
