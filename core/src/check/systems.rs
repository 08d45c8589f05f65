//! What Windows and Linux do with a volume of which each kind of finding is true, by
//! the documentation and the messages of chkdsk, ntfs-3g and the kernel's ntfs3.

use super::code::Code;

/// `None` for what only concerns the image: no system gets to see it.
pub(super) fn systems(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::ImageHeader
        | Code::ImageCommand
        | Code::ImageTruncated
        | Code::ImageTrailing
        | Code::ImageCount
        | Code::ImageUnreadable
        | Code::StreamEnd
        | Code::SeekTable
        | Code::Summary
        | Code::Checksum
        | Code::ChecksumOutdated
        | Code::VolumeNotChecked
        | Code::ContentDiffers
        | Code::OtherVolume
        | Code::SerialDiffers
        | Code::HiddenSectorsDiffer
        | Code::NotCompared => return None,
        Code::BlockChecksum
        | Code::FrameDamaged
        | Code::RecordsLost
        | Code::ClusterMissing
        | Code::MetadataOnly
        | Code::RescueMark => {
            "Windows and Linux cannot tell: they read what is there as if it were the file's"
        }
        Code::VolumeUnreadable => "neither Windows nor Linux mounts the volume",
        Code::VolumeInformation => {
            "Windows does not mount the volume, or takes it for an older one; Linux does not \
             mount it if the file cannot be read"
        }
        Code::AttributeDefinitions => {
            "Windows does not mount the volume; ntfs-3g does if the file can be read"
        }
        Code::RootDirectory => "Windows and Linux do not mount the volume, or list no file",
        Code::BootSector => {
            "Windows and ntfs-3g do not mount the volume; ntfs3 does by the backup (Linux 6.2)"
        }
        Code::ImageWithoutTail | Code::BootSectorsDiffer | Code::BackupBootSector => {
            "Windows and Linux mount the volume by the first boot sector"
        }
        Code::MftMirror => "ntfs-3g does not mount the volume; chkdsk makes the copy again",
        Code::Upcase => {
            "ntfs-3g does not mount the volume, nor does ntfs3 if the table is cut; chkdsk makes \
             it again"
        }
        Code::Bitmap => "Linux does not mount the volume; chkdsk makes $Bitmap again",
        Code::Journal => {
            "ntfs3 mounts the volume for reading only; chkdsk or Windows makes a new journal"
        }
        Code::JournalNotClean => {
            "Windows and ntfs3 complete the changes when they mount the volume; ntfs-3g drops \
             them, or mounts it for reading only"
        }
        Code::JournalRestart => "Windows and Linux use the other one",
        Code::Dirty | Code::CheckInterrupted => {
            "Windows checks the volume when it starts; ntfs3 does not mount it for writing"
        }
        Code::Unfinished => "Windows completes it when it mounts the volume",
        Code::Hibernated => {
            "Windows resumes, and writes what it remembers; ntfs-3g mounts the volume for \
             reading only"
        }
        Code::RecordUnreadable
        | Code::RecordDamaged
        | Code::RecordHeader
        | Code::RecordOrphaned
        | Code::AttributeMissing => {
            "the file does not open, or not as it was; chkdsk deletes records that it cannot repair"
        }
        Code::AttributeOrder
        | Code::AttributeInvalid
        | Code::AttributeList
        | Code::AttributeSizes
        | Code::RunPastEnd => {
            "the file opens in part, or with errors; chkdsk cuts or deletes the attribute"
        }
        Code::CompressedUnit => "reading that part of the file fails; chkdsk does not look at it",
        Code::MftSize => "files in the missing part do not open; chkdsk corrects the size",
        Code::IndexDamaged | Code::IndexOrder => {
            "folders are listed in part or not at all, and names not found; chkdsk makes the \
             index again from the records of files"
        }
        Code::EntryWithoutFile | Code::EntryStale => {
            "the name is listed and does not open; chkdsk deletes it"
        }
        Code::NameMismatch => "the file may not open by that name; chkdsk corrects or deletes it",
        Code::NotInDirectory | Code::DirectoryCycle => {
            "neither Windows nor Linux shows the files; chkdsk puts them back, or in found.000"
        }
        Code::ClusterClaimedTwice => {
            "both files open, at most one as it was; chkdsk takes the clusters from one"
        }
        Code::RecordMarkedFree | Code::ClusterNotInBitmap | Code::IndexBlockFree => {
            "all of it opens, until something is written in its place; chkdsk corrects the bitmap"
        }
        Code::RecordMarkedUsed | Code::ClusterOnlyInBitmap | Code::IndexBlockUnused => {
            "neither Windows nor Linux uses the space; chkdsk frees it"
        }
        Code::BadClusters => "neither Windows nor Linux uses these clusters",
        Code::Security => {
            "access may be refused; chkdsk gives the files default permissions; Linux ignores \
             them by default"
        }
        Code::RecordSkipped => "Windows and Linux pass over it",
        Code::UpcaseUnknown => "Windows and Linux find names by that table",
        Code::SecurityMissing => {
            "ntfs3 does not mount the volume, ntfs-3g does; chkdsk makes the file again, with \
             default permissions"
        }
        Code::AttributeInstance
        | Code::AttributeFlags
        | Code::CompressedSize
        | Code::LinkCount
        | Code::ExtendIndex => "Windows and Linux mount the volume as usual; chkdsk corrects it",
    })
}
