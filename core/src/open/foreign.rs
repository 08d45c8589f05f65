//! Formats that are not read: how each is detected, and what reads it.

use super::format::{Detect, Format, Role};
use super::probe::Probe;
use super::recoded;
use crate::stream::Compression;

use Detect::{At, BeforeEnd, If};

const CONVERT: &str = "make a raw file of it (qemu-img convert -O raw FILE raw.img), and name the \
                       partition in that with --partition N";
const DESCRIPTOR: &str = "name the description of the disk: the small .vmdk file beside it";
const EXPORT: &str = "make a raw file of it (ewfexport -f raw FILE), and name the partition in \
                      that with --partition N";
const FILES_ONLY: &str = "it holds files, not a volume; the program that made it reads them";
const APPLY: &str = "apply it with wimlib-imagex";
const UNPACK: &str = "unpack it, or pipe what is in it: ... | ntfsclone --restore-image ... -";
const GPG: &str = "decrypt it: gpg --decrypt FILE | ntfsclone --restore-image ... -";
const OPENSSL: &str = "decrypt it with the cipher that it was made with: openssl enc -d ... -in \
                       FILE | ntfsclone --restore-image ... -";
const AGE: &str = "decrypt it: age --decrypt FILE | ntfsclone --restore-image ... -";
const ITS_PROGRAM: &str = "restore it with the program that made it";
const OTHER_TOOL: &str = "is it the right partition? For this file system use partclone or dd";
const DISC: &str = "it holds files for a disc or a USB stick; copy it with dd, or mount it";
const UNLOCK: &str = "unlock it and name the unlocked device (dislocker, cryptsetup bitlkOpen), \
                      or decrypt it in Windows";
const CRYPTSETUP: &str = "unlock it (cryptsetup open) and name the device in /dev/mapper";
const LVM: &str = "activate it (vgchange -ay) and name the logical volume";
const MDADM: &str = "assemble it (mdadm --assemble --scan) and name the array, /dev/md...";
const POOL: &str = "name the virtual disk or volume that the pool makes available, not a member";
const MAP: &str = "is it the right disk? Partitions of this kind of table are read only from \
                   their devices";

/// A UDIF file begins with its data, which may look like a stream: only the
/// trailer is sure ("koly", 512 bytes before the end).
pub(super) const DMG: Format = row(
    If(|probe| {
        // Nothing else that `Compression` knows is what its blocks begin with.
        let may_be = [None, Some(Compression::Bzip2), Some(Compression::Xz)];
        may_be.contains(&Compression::of(probe.start())) && probe.has_before_end(512, b"koly")
    }),
    "is a virtual disk (DMG)",
    CONVERT,
);

/// The format before qcow2, with the same magic.
pub(super) const QCOW: Format = row(
    At(0, b"QFI\xFB\0\0\0\x01"),
    "is a virtual disk (QCOW)",
    CONVERT,
);

/// Images, volumes and streams that a terminal or a shell took for text.
#[rustfmt::skip]
pub(super) const RECODED: &[Format] = &[
    row(If(recoded::has_added_returns), "went through a terminal or shell as text, and has a CR before each LF", RETURNS),
    row(If(recoded::is_text), "was made text by a shell such as PowerShell, and is not the bytes that were written", TEXT),
];

/// Files, by their start or end.
#[rustfmt::skip]
pub(super) const FILES: &[Format] = &[
    row(At(0, b"QED\0"), "is a virtual disk (QED)", CONVERT),
    row(At(0, b"COWD"), "is an extent of a virtual disk (VMDK)", DESCRIPTOR),
    row(At(0, b"WithoutFreeSpace"), "is a virtual disk (Parallels)", CONVERT),
    row(At(0, b"WithouFreSpacExt"), "is a virtual disk (Parallels)", CONVERT),
    row(At(0, b"Bochs Virtual HD Image"), "is a virtual disk (Bochs)", CONVERT),
    row(At(0, b"encrcdsa"), "is an encrypted virtual disk (DMG)", "decrypt it with hdiutil"),
    row(At(0, b"EVF2\r\n\x81\0"), "is a forensic image (Ex01)", EXPORT),
    row(At(0, b"LVF\x09\r\n\xFF\0"), "is a forensic image of files (L01)", FILES_ONLY),
    row(At(0, b"LEF2\r\n\x81\0"), "is a forensic image of files (Lx01)", FILES_ONLY),
    row(At(0, b"AFF10\r\n\0"), "is a forensic image (AFF)", "make a raw file of it: affconvert -r"),
    row(If(is_aff4), "is a forensic image (AFF4)", "make a raw file of it: aff4imager --export"),
    row(At(0, b"MSWIM\0\0\0"), "is a Windows image (WIM, ESD or SWM)", APPLY),
    row(At(0, b"WLPWM\0\0\0"), "is a Windows image (WIM that can be piped)", APPLY),
    row(At(0, b"PaRtImAgE-VoLuMe"), "is an image of partimage", "restore it with partimage"),
    row(At(0, b"FsA0"), "is an archive of fsarchiver", "restore it with fsarchiver restfs"),
    row(At(0, b"\xFE\xEF\x01"), "is an image of Ghost (GHO)", ITS_PROGRAM),
    row(At(0, b"\xB4\x6E\x68\x44"), "is an image of Acronis (TIB)", ITS_PROGRAM),
    row(At(0, b"\xCE\x24\xB9\xA2\x20\0\0\0"), "is an image of Acronis (TIB)", ITS_PROGRAM),
    row(BeforeEnd(12, b"MACRIUM_FILE"), "is an image of Macrium Reflect", ITS_PROGRAM),
    // It does not record where it ends: one that was cut would look whole.
    row(At(0, b"\x02\x21\x4C\x18"), "is compressed with lz4 in its format before frames", UNPACK),
    row(At(0, b"LRZI"), "is compressed with lrzip", UNPACK),
    row(At(0, b"RZIP"), "is compressed with rzip", UNPACK),
    row(At(0, b"\xFF\x06\0\0sNaPpY"), "is compressed with snappy", UNPACK),
    row(At(0, b"\x1F\x9D\x90"), "is compressed with compress", UNPACK),
    row(At(0, b"7kSt"), "is a ZPAQ archive", UNPACK),
    row(At(0, b"zPQ"), "is a ZPAQ archive", UNPACK),
    row(At(0, b"7z\xBC\xAF\x27\x1C"), "is a 7z archive", UNPACK),
    row(At(0, b"PK\x03\x04"), "is a ZIP archive", UNPACK),
    row(At(0, b"PK\x05\x06"), "is a ZIP archive", UNPACK),
    row(At(0, b"PK\x07\x08"), "is a ZIP archive", UNPACK),
    row(At(0, b"Rar!\x1A\x07"), "is a RAR archive", UNPACK),
    row(At(0, b"MSCF\0\0\0\0"), "is a cabinet archive (CAB)", UNPACK),
    row(If(is_tar), "is a tar archive", UNPACK),
    row(At(0, b"0707"), "is a cpio archive", UNPACK),
    row(At(0, b"-----BEGIN PGP MESSAGE-----"), "is encrypted with gpg", GPG),
    row(If(is_openpgp), "is encrypted with gpg", GPG),
    row(At(0, b"Salted__"), "is encrypted with openssl", OPENSSL),
    row(At(0, b"age-encryption.org/v1"), "is encrypted with age", AGE),
    row(At(0, b"-----BEGIN AGE ENCRYPTED FILE-----"), "is encrypted with age", AGE),
];

/// What is on disks and in partitions, by the first sector.
#[rustfmt::skip]
pub(super) const FIRST_SECTOR: &[Format] = &[
    row(At(3, b"-FVE-FS-"), "is encrypted by BitLocker", UNLOCK),
    // "BitLocker To Go" begins as FAT32 does, for machines that do not know it.
    row(At(0x1A8, BITLOCKER_TO_GO_GUID), "is encrypted by BitLocker", UNLOCK),
    row(At(3, b"ReFS\0\0\0\0"), "is a ReFS volume, not NTFS", OTHER_TOOL),
    row(At(3, b"EXFAT   "), "is an exFAT volume, not NTFS", OTHER_TOOL),
    row(At(0x36, b"FAT12   "), "is a FAT volume, not NTFS", OTHER_TOOL),
    row(At(0x36, b"FAT16   "), "is a FAT volume, not NTFS", OTHER_TOOL),
    row(At(0x52, b"FAT32   "), "is a FAT volume, not NTFS", OTHER_TOOL),
    row(At(0, b"LUKS\xBA\xBE\0\x01"), "is encrypted with LUKS 1", CRYPTSETUP),
    row(At(0, b"LUKS\xBA\xBE\0\x02"), "is encrypted with LUKS 2", CRYPTSETUP),
    row(At(0, b"XFSB"), "is an XFS volume, not NTFS", OTHER_TOOL),
    row(At(0, b"hsqs"), "is a squashfs volume, not NTFS", OTHER_TOOL),
    row(At(0x20, b"NXSB"), "is an APFS container, not NTFS", OTHER_TOOL),
    row(At(0, MD_VERSION_1), RAID, MDADM),
    row(At(0, b"ER\x02\0"), "is a whole disk with an Apple partition map", MAP),
];

/// The same, by what is behind the first sector or at the end.
#[rustfmt::skip]
pub(super) const FAR: &[Format] = &[
    row(At(0x218, b"LVM2 001"), "is a physical volume of LVM2", LVM),
    row(At(0x400, b"H+\0\x04"), "is an HFS+ volume, not NTFS", OTHER_TOOL),
    row(At(0x400, b"HX\0\x05"), "is an HFS+ volume, not NTFS", OTHER_TOOL),
    row(At(0x400, b"\x10\x20\xF5\xF2"), "is an F2FS volume, not NTFS", OTHER_TOOL),
    row(At(0x400, b"\xE2\xE1\xF5\xE0"), "is an EROFS volume, not NTFS", OTHER_TOOL),
    row(If(is_ext), "is an ext2, ext3 or ext4 volume, not NTFS", OTHER_TOOL),
    row(At(0x1000, MD_VERSION_1), RAID, MDADM),
    row(At(0x1000, b"SPACEDB "), "is a member of Windows Storage Spaces", POOL),
    row(At(0x1018, BCACHE_UUID), "is a device of bcache", "name the device that bcache makes of it, /dev/bcache..."),
    row(At(0x1018, BCACHEFS_UUID), "is a bcachefs volume, not NTFS", OTHER_TOOL),
    // At the end of the first page, which is of 4, 16 or 64 KiB.
    row(At(0x0FF6, SWAP), "is swap space, not NTFS", OTHER_TOOL),
    row(At(0x3FF6, SWAP), "is swap space, not NTFS", OTHER_TOOL),
    row(At(0xFFF6, SWAP), "is swap space, not NTFS", OTHER_TOOL),
    row(At(0x2000, b"\x49\xE8\x95\xF9"), "is an HPFS volume, not NTFS", OTHER_TOOL),
    row(At(0x2034, b"ReIsEr"), "is a ReiserFS volume, not NTFS", OTHER_TOOL),
    row(At(0x255C, b"\x54\x19\x01\0"), "is a UFS volume, not NTFS", OTHER_TOOL),
    row(At(0x255C, b"\0\x01\x19\x54"), "is a UFS volume, not NTFS", OTHER_TOOL),
    // The first pair of the label's list, in XDR.
    row(At(0x4014, b"\0\0\0\x07version\0"), "is a member of a ZFS pool", POOL),
    row(At(0x8000, b"JFS1"), "is a JFS volume, not NTFS", OTHER_TOOL),
    row(At(0x8001, b"CD001"), "is an image of a disc (ISO 9660)", DISC),
    row(At(0x8001, b"BEA01"), "is an image of a disc (UDF)", DISC),
    row(At(0x10034, b"ReIsEr"), "is a ReiserFS volume, not NTFS", OTHER_TOOL),
    row(At(0x10000, b"ReIsEr4"), "is a Reiser4 volume, not NTFS", OTHER_TOOL),
    row(At(0x10040, b"_BHRfS_M"), "is a Btrfs volume, not NTFS", OTHER_TOOL),
    row(At(0x1055C, b"\x19\x01\x54\x19"), "is a UFS volume, not NTFS", OTHER_TOOL),
    row(At(0x1055C, b"\x19\x54\x01\x19"), "is a UFS volume, not NTFS", OTHER_TOOL),
    row(If(is_md_at_end), RAID, MDADM),
];

const RETURNS: &str = "take them away: perl -pe 's/\\r\\n/\\n/' FILE > REPAIRED; next time, ssh without -t, or write to a file with -o";
const TEXT: &str =
    "save it again, with -o FILE in place of > FILE; what text has no signs for is lost";
const RAID: &str = "is a member of a Linux software RAID";
const SWAP: &[u8] = b"SWAPSPACE2";
/// Magic and major version, little-endian.
const MD_VERSION_1: &[u8] = b"\xFC\x4E\x2B\xA9\x01\0\0\0";
const MD_VERSION_0: &[u8] = b"\xFC\x4E\x2B\xA9\0\0\0\0";
/// 4967D63B-2E29-4AD8-8399-F6A339E3D001, as libbde documents it.
const BITLOCKER_TO_GO_GUID: &[u8] =
    b"\x3B\xD6\x67\x49\x29\x2E\xD8\x4A\x83\x99\xF6\xA3\x39\xE3\xD0\x01";
/// c68573f6-4e1a-45ca-8265-f57f48ba6d81.
const BCACHE_UUID: &[u8] = b"\xC6\x85\x73\xF6\x4E\x1A\x45\xCA\x82\x65\xF5\x7F\x48\xBA\x6D\x81";
/// c68573f6-66ce-90a9-d96a-60cf803df7ef.
const BCACHEFS_UUID: &[u8] = b"\xC6\x85\x73\xF6\x66\xCE\x90\xA9\xD9\x6A\x60\xCF\x80\x3D\xF7\xEF";

const fn row(detect: Detect, name: &'static str, remedy: &'static str) -> Format {
    Format {
        name,
        role: Role::Refused { remedy },
        detect,
    }
}

/// A zip file, the first member of which is the URN of the image, or names it.
fn is_aff4(probe: &Probe<'_>) -> bool {
    const SCHEME: &[u8] = b"aff4://";
    let mut windows = probe.start().windows(SCHEME.len());
    probe.has(0, b"PK\x03\x04") && windows.any(|window| window == SCHEME)
}

/// POSIX and GNU headers have a magic; that of v7 has only its checksum, the sum
/// of the header's bytes, with spaces in its own place (POSIX.1-1988, 10.1.1).
fn is_tar(probe: &Probe<'_>) -> bool {
    const CHECKSUM_OFFSET: usize = 148;
    const CHECKSUM_BYTES: usize = 8;
    if probe.has(257, b"ustar") {
        return true;
    }
    let Some((before, rest)) = probe.start().split_at_checked(CHECKSUM_OFFSET) else {
        return false;
    };
    let Some((field, after)) = rest.split_at_checked(CHECKSUM_BYTES) else {
        return false;
    };
    let digits = field.trim_ascii_start().iter();
    let digits = digits.take_while(|digit| matches!(digit, b'0'..=b'7'));
    let stored = digits.fold(0_u32, |sum, digit| {
        sum.saturating_mul(8).saturating_add(u32::from(digit & 7))
    });
    let spaces = [b' '; CHECKSUM_BYTES];
    let header = before.iter().chain(&spaces).chain(after);
    // A header of 512 bytes begins with the name of a file.
    probe.start().len() == 512
        && before.first() != Some(&0)
        && header.map(|&byte| u32::from(byte)).sum::<u32>() == stored
}

/// A message begins with a session key, encrypted for a public key or with a
/// passphrase (RFC 9580, 5.1 and 5.3).
fn is_openpgp(probe: &Probe<'_>) -> bool {
    const PUBLIC_KEY: u8 = 1;
    const PASSPHRASE: u8 = 3;
    let (packet, body) = match *probe.start() {
        // The format of packets before 1998, with a length of one byte or two.
        [tag @ 0x80..=0xBF, _, ref body @ ..] if tag & 3 == 0 => (tag >> 2 & 0xF, body),
        [tag @ 0x80..=0xBF, 0..=4, _, ref body @ ..] if tag & 3 == 1 => (tag >> 2 & 0xF, body),
        // The format since, likewise.
        [tag @ 0xC0..=0xFF, 0..=191, ref body @ ..] => (tag & 0x3F, body),
        [tag @ 0xC0..=0xFF, 192..=195, _, ref body @ ..] => (tag & 0x3F, body),
        _ => return false,
    };
    // Versions, algorithms, and what the passphrase is hashed with.
    matches!(
        (packet, body),
        (PUBLIC_KEY, [3, _, _, _, _, _, _, _, _, 1..=27, 0..=64, ..])
            | (PASSPHRASE, [4, 1..=13, 0 | 1 | 3, 1..=14, ..])
    )
}

/// The magic alone is of two bytes: fields whose values are limited as well
/// (`struct ext4_super_block`).
fn is_ext(probe: &Probe<'_>) -> bool {
    const SUPERBLOCK: usize = 0x400;
    let field = |offset: usize| {
        let rest = probe.far().get(SUPERBLOCK.saturating_add(offset)..);
        let bytes = rest.and_then(<[u8]>::first_chunk);
        bytes.map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes))
    };
    let [inodes, blocks, log_block_size, revision] = [0, 4, 0x18, 0x4C].map(field);
    probe.has(SUPERBLOCK + 0x38, b"\x53\xEF")
        && inodes != 0
        && blocks != 0
        && log_block_size <= 6
        && revision <= 1
}

/// Superblocks of version 0.90 are in the last whole 64 KiB but one, of 1.0 in
/// the last 8 KiB (md(4)).
fn is_md_at_end(probe: &Probe<'_>) -> bool {
    const VERSION_0_BYTES: u64 = 64 << 10;
    const VERSION_1_BYTES: u64 = 8 << 10;
    const ALIGNMENT: u64 = 4 << 10;
    let source = probe.source();
    let size = source.size();
    let is_at = |offset: Option<u64>, expected: &[u8]| {
        let mut found = [0; 8];
        let read = offset.map(|offset| source.read_exact_at(offset, &mut found));
        matches!(read, Some(Ok(()))) && found == *expected
    };
    let version_0 = (size & !(VERSION_0_BYTES - 1)).checked_sub(VERSION_0_BYTES);
    let version_1 = size.checked_sub(VERSION_1_BYTES);
    is_at(version_0, MD_VERSION_0)
        || is_at(
            version_1.map(|offset| offset & !(ALIGNMENT - 1)),
            MD_VERSION_1,
        )
}
