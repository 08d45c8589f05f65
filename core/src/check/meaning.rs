//! What each kind of finding means, how grave it is, and what to do about it.

use super::code::{Code, Severity};

pub(super) const CHKDSK: &str = "run chkdsk /f in Windows on the restored volume; if the original is still \
                      there, repair it and make a new image";

/// Severity, meaning and advice.
pub(super) fn about(code: Code) -> (Severity, &'static str, &'static str) {
    use Severity::{Error, Note, Warning};
    const FETCH: &str = "take another copy of it, if there is one; or restore what there is \
                         with --restore-image --rescue";
    match code {
        Code::ImageHeader => (Error, "the image does not begin as it must", FETCH),
        Code::ImageCommand => (Error, "the image is damaged from here on", FETCH),
        Code::ImageTruncated => (
            Error,
            "the image was not written, or not fetched, to its end",
            FETCH,
        ),
        Code::ImageTrailing => (
            Error,
            "the volume is whole, but what follows does not belong to it; a restore refuses it",
            "if two files were joined, take them apart",
        ),
        Code::ImageCount => (
            Warning,
            "the writer counted differently; nothing depends on it but progress",
            "nothing, if all else is sound",
        ),
        Code::ImageWithoutTail => (
            Note,
            "images of this old version do not hold the backup boot sector",
            "after a restore, chkdsk or ntfsfix makes a new one",
        ),
        Code::ImageUnreadable => (
            Error,
            "the rest of the image is not known",
            "if the disk is failing, copy the image elsewhere with GNU ddrescue first; else \
             take another copy of it",
        ),
        Code::BlockChecksum => (
            Error,
            "bytes of these clusters, or of the checksum, changed since the image was written",
            FETCH,
        ),
        Code::FrameDamaged => (
            Error,
            "what was in it is lost; all else can be read",
            "take another copy of the image, if there is one, or make a new one",
        ),
        Code::StreamEnd => (
            Error,
            "nothing of the image is missing",
            "it can be restored; take another copy of it, if there is one, or save the volume \
             in it again",
        ),
        Code::SeekTable => (
            Error,
            "nothing of the volume is lost by that: its frames were found without it",
            "it can be restored; take another copy of it, if there is one, or save the volume \
             in it again",
        ),
        Code::Summary => (
            Error,
            "what it was made from is not known, and clusters are found by reading; nothing \
             of the volume is lost by that",
            "it can be restored; take another copy of it, if there is one, or save the volume \
             in it again",
        ),
        Code::Checksum => (
            Error,
            "bytes changed since the checksum was made",
            "take another copy of it, if there is one; check the disk and the memory",
        ),
        Code::ChecksumOutdated => (
            Error,
            "all checksums in the image are right, so this one is probably of an earlier file of \
             that name",
            "remove it if the image was written anew since, or make a new one with b3sum or \
             sha256sum; else take another copy of the image",
        ),
        Code::VolumeUnreadable => (
            Error,
            "no file can be found without it",
            "restore it and let a recovery program look at the result",
        ),
        Code::VolumeNotChecked => (
            Error,
            "the image may be whole, and the volume in it damaged all the same",
            "verify a file, not a pipe, or decompress it to a file first",
        ),
        Code::BootSector => (
            Error,
            "the backup boot sector is sound, and leads to all files",
            "repair it on the restored volume (chkdsk, testdisk)",
        ),
        Code::MftMirror => (
            Error,
            "one of the two copies is old or damaged, and no copy is made of such a volume",
            CHKDSK,
        ),
        Code::VolumeInformation => (
            Error,
            "label, version and flags of the volume are not known",
            CHKDSK,
        ),
        Code::Dirty => (
            Warning,
            "it was not unmounted cleanly before it was copied, or Windows found errors",
            CHKDSK,
        ),
        Code::Hibernated => (
            Warning,
            "files that Windows had open may be older here than Windows knew",
            "boot Windows from the restored volume only, or delete hiberfil.sys first",
        ),
        Code::RootDirectory => (Error, "no file can be found by its path", CHKDSK),
        Code::RecordsLost => (
            Error,
            "where the content of their files lies is not known",
            "take another copy of the image, if there is one, or make a new one",
        ),
        Code::RecordSkipped => (
            Note,
            "$MFT marks it as free: it belongs to no file; healthy volumes have such where \
             $MFT was moved",
            "nothing: the next new file overwrites it",
        ),
        Code::RecordDamaged => (
            Error,
            "some clusters of the file are not known, and may be missing",
            CHKDSK,
        ),
        Code::RunPastEnd => (
            Error,
            "that part of the file never was on this volume",
            CHKDSK,
        ),
        Code::ClusterClaimedTwice => (Error, "at most one of the files has its content", CHKDSK),
        Code::ClusterNotInBitmap => (
            Error,
            "the next file that is written may take the place of this content",
            CHKDSK,
        ),
        Code::ClusterOnlyInBitmap => (
            Warning,
            "space is lost, and no data, where all records of files can be read; Windows leaves \
             such behind on healthy volumes",
            "nothing, if no other finding is an error; chkdsk /f gives the space back",
        ),
        Code::Bitmap => (Error, "which clusters are in use is not known", CHKDSK),
        Code::BadClusters => (
            Note,
            "Windows found bad sectors there; no file has them, and they are not copied",
            "on another disk they stay marked: chkdsk /b in Windows, or ntfsfix -b, makes them \
             usable again",
        ),
        Code::ClusterMissing => (
            Error,
            "a restored volume has zeros there, or what was on the disk before",
            "take another copy of the image, or make a new one",
        ),
        Code::MetadataOnly => (
            Note,
            "names and places of files are in it, and nothing of their content",
            "restore it to look at the file system, not to get files back",
        ),
        Code::ContentDiffers => (
            Error,
            "the two do not hold the same",
            "if nothing was written to either since, copy it again, and check the disks and \
             the memory",
        ),
        Code::OtherVolume => (
            Error,
            "neither is a copy of the other",
            "is it the right device, or image?",
        ),
        Code::SerialDiffers => (
            Note,
            "--new-serial makes that, and nothing else differs by it",
            "the copy is right as it is",
        ),
        Code::HiddenSectorsDiffer => (
            Note,
            "a volume of a disk that `convert` makes names its new place, by which Windows boots; \
             nothing else differs by it",
            "the copy is right as it is",
        ),
        Code::NotCompared => (
            Error,
            "whether the two hold the same is not known",
            "see the other findings first",
        ),
        Code::RecordUnreadable => (
            Error,
            "the file, or a part of it, cannot be opened, and its content is not known",
            CHKDSK,
        ),
        Code::RecordHeader => (Error, "the file may not open", CHKDSK),
        Code::RecordOrphaned => (
            Error,
            "a part of a file cannot be found from the file",
            CHKDSK,
        ),
        Code::AttributeOrder => (
            Error,
            "attributes that are out of order are not found",
            CHKDSK,
        ),
        Code::AttributeInstance => (Warning, "their numbers do not tell them apart", CHKDSK),
        Code::AttributeFlags => (
            Warning,
            "programs may read the value in another way",
            CHKDSK,
        ),
        Code::AttributeInvalid => (
            Error,
            "the attribute, and what is in it, cannot be used",
            CHKDSK,
        ),
        Code::AttributeMissing => (Error, "the file cannot be opened as it was", CHKDSK),
        Code::AttributeSizes => (
            Error,
            "how much of the content there is is not known",
            CHKDSK,
        ),
        Code::CompressedSize => (
            Warning,
            "no data is lost; programs show another size on disk",
            CHKDSK,
        ),
        Code::AttributeList => (
            Error,
            "attributes that the list does not name are not found",
            CHKDSK,
        ),
        Code::LinkCount => (
            Warning,
            "deleting one of its names may delete the file",
            CHKDSK,
        ),
        Code::IndexDamaged => (Error, "names in it are not found", CHKDSK),
        Code::IndexOrder => (Error, "names that are out of order are not found", CHKDSK),
        Code::IndexBlockFree => (
            Error,
            "the next new name may take the place of the names in it",
            CHKDSK,
        ),
        Code::IndexBlockUnused => (Warning, "space is lost, and no data", CHKDSK),
        Code::EntryWithoutFile => (Error, "the name is there, and the file is gone", CHKDSK),
        Code::EntryStale => (Error, "the name does not lead to its file", CHKDSK),
        Code::NameMismatch => (Error, "the file may not be found by its name", CHKDSK),
        Code::NotInDirectory => (Error, "the file is whole, and cannot be found", CHKDSK),
        Code::DirectoryCycle => (Error, "what is in them cannot be found", CHKDSK),
        Code::RecordMarkedFree => (
            Error,
            "the next new file may take the place of this one",
            CHKDSK,
        ),
        Code::RecordMarkedUsed => (Warning, "no data is lost", CHKDSK),
        Code::MftSize => (Error, "files in the missing part are not found", CHKDSK),
        Code::BootSectorsDiffer => (
            Error,
            "one of them leads to the wrong place, or is of another volume",
            CHKDSK,
        ),
        Code::BackupBootSector => (
            Warning,
            "it is needed only when the first one is damaged",
            CHKDSK,
        ),
        Code::Upcase => (Error, "names may not be found", CHKDSK),
        Code::UpcaseUnknown => (
            Note,
            "names are in its order; whether one of its characters is damaged is not known",
            "nothing, if all names are found; chkdsk /f writes the table of that Windows",
        ),
        Code::AttributeDefinitions => (
            Error,
            "which attributes files may have is not known",
            CHKDSK,
        ),
        Code::JournalNotClean => (
            Warning,
            "the volume was in use when it was copied, or was not unmounted",
            "mount the restored volume in Windows once",
        ),
        Code::Journal => (Error, "changes that were being made are lost", CHKDSK),
        Code::JournalRestart => (Warning, "the other one is sound", CHKDSK),
        Code::CheckInterrupted => (Warning, "what it was to repair may not be repaired", CHKDSK),
        Code::Unfinished => (
            Warning,
            "no data is lost; what Windows had begun is not complete",
            "mount the restored volume in Windows once",
        ),
        Code::Security => (
            Warning,
            "files may open for everyone, or for no one",
            CHKDSK,
        ),
        Code::SecurityMissing => (Error, "who may open which file is not known", CHKDSK),
        Code::ExtendIndex => (Warning, "no data is lost", CHKDSK),
        Code::CompressedUnit => (Error, "that part of the file is lost", CHKDSK),
        Code::RescueMark => (
            Error,
            "the disk could not be read there; that part of the file is lost",
            "take the file from another copy, if there is one",
        ),
    }
}
