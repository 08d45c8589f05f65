//! What a source is, by its first sector and its end.

use ntfs_volume_builder::VolumeBuilder;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::open::{Content, Probe};

/// A sector with these texts at these places and the mark of a boot sector.
fn sector(texts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut sector = vec![0; 4096];
    sector[510..512].copy_from_slice(&[0x55, 0xAA]);
    for (offset, text) in texts {
        sector[*offset..offset + text.len()].copy_from_slice(text);
    }
    sector
}

/// What messages say that it is.
fn name_of(bytes: &[u8]) -> &'static str {
    let probe = Probe::new(&bytes).expect("all of it can be read");
    match probe.content() {
        Content::Image => "image",
        Content::Volume => "volume",
        Content::Compressed(compression) => compression.name(),
        Content::Disk(_) => "disk",
        Content::Container(container) => container.layer(&[]).to_string().leak(),
        Content::Refused(format) => format.name,
        Content::Unknown => "unknown",
    }
}

/// Signatures of what is not read: where they are, and the name.
const FOREIGN: &[(usize, &[u8], &str)] = &[
    (0, b"QFI\xFB\0\0\0\x01", "is a virtual disk (QCOW)"),
    (0, b"QED\0", "is a virtual disk (QED)"),
    (
        0,
        b"COWD\x01\0\0\0",
        "is an extent of a virtual disk (VMDK)",
    ),
    (0, b"WithoutFreeSpace", "is a virtual disk (Parallels)"),
    (0, b"WithouFreSpacExt", "is a virtual disk (Parallels)"),
    (0, b"encrcdsa", "is an encrypted virtual disk (DMG)"),
    (0, b"EVF2\x0D\x0A\x81\0", "is a forensic image (Ex01)"),
    (
        0,
        b"LVF\x09\x0D\x0A\xFF\0",
        "is a forensic image of files (L01)",
    ),
    (0, b"AFF10\r\n\0", "is a forensic image (AFF)"),
    (
        0,
        b"PK\x03\x04\x14\0_______aff4://0a1b",
        "is a forensic image (AFF4)",
    ),
    (
        0,
        b"MSWIM\0\0\0\xD0\0\0\0",
        "is a Windows image (WIM, ESD or SWM)",
    ),
    (0, b"PaRtImAgE-VoLuMe", "is an image of partimage"),
    (0, b"FsA0", "is an archive of fsarchiver"),
    (0, b"\xFE\xEF\x01\x01", "is an image of Ghost (GHO)"),
    (0, b"\xB4\x6E\x68\x44", "is an image of Acronis (TIB)"),
    (
        0,
        b"\xCE\x24\xB9\xA2\x20\0\0\0",
        "is an image of Acronis (TIB)",
    ),
    (4096 - 12, b"MACRIUM_FILE", "is an image of Macrium Reflect"),
    (0, b"LRZI\0\x06", "is compressed with lrzip"),
    (
        0,
        b"\x02\x21\x4C\x18",
        "is compressed with lz4 in its format before frames",
    ),
    (0, b"7kSt\xA0", "is a ZPAQ archive"),
    (0, b"7z\xBC\xAF\x27\x1C\0\x04", "is a 7z archive"),
    (0, b"PK\x03\x04\x14\0\0\0", "is a ZIP archive"),
    (0, b"PK\x05\x06", "is a ZIP archive"),
    (0, b"Rar!\x1A\x07\x01\0", "is a RAR archive"),
    (0, b"MSCF\0\0\0\0", "is a cabinet archive (CAB)"),
    (0x101, b"ustar\x00\x30\x30", "is a tar archive"),
    (0x101, b"ustar  \0", "is a tar archive"),
    (0, b"070701", "is a cpio archive"),
    (
        0,
        b"-----BEGIN PGP MESSAGE-----\n\n",
        "is encrypted with gpg",
    ),
    // By a passphrase, and for keys of RSA and of elliptic curves.
    (0, b"\x8C\x0D\x04\x09\x03\x0A", "is encrypted with gpg"),
    (
        0,
        b"\x85\x02\x0C\x03\x01\x23\x45\x67\x89\xAB\xCD\xEF\x01\x0F\xFE",
        "is encrypted with gpg",
    ),
    (
        0,
        b"\x84\x5E\x03\x01\x23\x45\x67\x89\xAB\xCD\xEF\x12\x01\x07",
        "is encrypted with gpg",
    ),
    (
        0,
        b"\xC1\xC0\x4C\x03\x01\x23\x45\x67\x89\xAB\xCD\xEF\x01\x08\0",
        "is encrypted with gpg",
    ),
    (0, b"Salted__", "is encrypted with openssl"),
    (0, b"age-encryption.org/v1\n", "is encrypted with age"),
    (0, b"LUKS\xBA\xBE\0\x01", "is encrypted with LUKS 1"),
    (0, b"LUKS\xBA\xBE\0\x02", "is encrypted with LUKS 2"),
    (0, b"XFSB", "is an XFS volume, not NTFS"),
    (0, b"hsqs", "is a squashfs volume, not NTFS"),
    (0x20, b"NXSB", "is an APFS container, not NTFS"),
    (0, b"\xFC\x4E\x2B\xA9\x01\0\0\0", RAID),
    (
        0,
        b"ER\x02\0",
        "is a whole disk with an Apple partition map",
    ),
];

const RAID: &str = "is a member of a Linux software RAID";

/// The same, far behind the first sector. File systems made over them may leave
/// them there.
const FAR: &[(usize, &[u8], &str)] = &[
    (0x218, b"LVM2 001", "is a physical volume of LVM2"),
    (0x400, b"H+\0\x04", "is an HFS+ volume, not NTFS"),
    (0x400, b"HX\0\x05", "is an HFS+ volume, not NTFS"),
    (0x400, b"\x10\x20\xF5\xF2", "is an F2FS volume, not NTFS"),
    (0x400, b"\xE2\xE1\xF5\xE0", "is an EROFS volume, not NTFS"),
    (0x400, EXT, "is an ext2, ext3 or ext4 volume, not NTFS"),
    (0x1000, b"\xFC\x4E\x2B\xA9\x01\0\0\0", RAID),
    (0x1000, b"SPACEDB ", "is a member of Windows Storage Spaces"),
    (
        0x1018,
        b"\xC6\x85\x73\xF6\x4E\x1A\x45\xCA\x82\x65\xF5\x7F\x48\xBA\x6D\x81",
        "is a device of bcache",
    ),
    (0xFF6, b"SWAPSPACE2", "is swap space, not NTFS"),
    (0xFFF6, b"SWAPSPACE2", "is swap space, not NTFS"),
    (0x2000, b"\x49\xE8\x95\xF9", "is an HPFS volume, not NTFS"),
    (0x255C, b"\x54\x19\x01\0", "is a UFS volume, not NTFS"),
    (0x4014, b"\0\0\0\x07version\0", "is a member of a ZFS pool"),
    (0x8001, b"CD001\x01", "is an image of a disc (ISO 9660)"),
    (0x8001, b"BEA01\x01", "is an image of a disc (UDF)"),
    (0x10034, b"ReIsEr2Fs", "is a ReiserFS volume, not NTFS"),
    (0x10040, b"_BHRfS_M", "is a Btrfs volume, not NTFS"),
    (0x1055C, b"\x19\x01\x54\x19", "is a UFS volume, not NTFS"),
    // Of 1 MiB and some bytes, by either version at the end.
    (0xFE000, b"\xFC\x4E\x2B\xA9\x01\0\0\0", RAID),
    (0xF0000, b"\xFC\x4E\x2B\xA9\0\0\0\0\x5A\0\0\0", RAID),
];

/// A superblock: inodes and blocks, the block size, the magic, and the revision.
const EXT: &[u8] = &{
    let mut superblock = [0; 0x50];
    superblock[1] = 1;
    superblock[5] = 1;
    superblock[0x18] = 2;
    superblock[0x38] = 0x53;
    superblock[0x39] = 0xEF;
    superblock[0x4C] = 1;
    superblock
};

const FAR_SIZE: usize = (1 << 20) + 700;

/// Zeros but for these bytes.
fn with_bytes(len: usize, offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut source = vec![0; len];
    source[offset..offset + bytes.len()].copy_from_slice(bytes);
    source
}

#[test]
fn what_is_not_read_is_named() {
    for (offset, bytes, expected) in FOREIGN {
        let source = with_bytes(4096, *offset, bytes);
        assert_eq!(name_of(&source), *expected, "{bytes:?}");
    }
    for (offset, bytes, expected) in FAR {
        let source = with_bytes(FAR_SIZE, *offset, bytes);
        assert_eq!(name_of(&source), *expected, "{bytes:?}");
    }
}

#[test]
fn headers_of_tar_before_posix_are_detected_by_checksum() {
    let mut header = with_bytes(1024, 0, b"image");
    header[100..124].copy_from_slice(b"000644 \x00001750 \x00001750 \x00");
    header[124..136].copy_from_slice(b"00000001000 ");
    let sum = |header: &[u8]| {
        header[..512]
            .iter()
            .map(|&byte| u32::from(byte))
            .sum::<u32>()
    };
    let total = sum(&header) + 8 * 32;
    header[148..156].copy_from_slice(format!("{total:6o}\0 ").as_bytes());
    assert_eq!(name_of(&header), "is a tar archive");
    header[7] ^= 1;
    assert_eq!(name_of(&header), "unknown");
}

/// The data of a DMG may begin as a stream of bzip2 or xz does.
#[test]
fn trailers_of_dmg_are_nearer_than_streams() {
    for start in [&b"BZh91AY&SY"[..], b"\xFD7zXZ\0", b"x\xDA", b"\0"] {
        let mut source = with_bytes(4096, 0, start);
        source[4096 - 512..][..4].copy_from_slice(b"koly");
        assert_eq!(name_of(&source), "is a virtual disk (DMG)", "{start:?}");
    }
}

/// What an NTFS volume keeps of other file systems does not change what it is; and
/// a disk has a partition table.
#[test]
fn remains_are_not_what_a_source_is() {
    let sound = VolumeBuilder::new().device_tail(700).build();
    let mut only_backup = VolumeBuilder::new().build();
    only_backup.damage_boot_sector();
    let mut zeroed = only_backup.bytes.clone();
    zeroed[..512].fill(0);
    let mut disk = sector(&[(0x1BE, &[0, 1, 2, 3, 7, 1, 2, 3, 1, 0, 0, 0, 8, 0, 0, 0])]);
    disk.resize(FAR_SIZE, 0);
    let sources = [
        (&sound.bytes, "volume"),
        (&only_backup.bytes, "volume"),
        (&zeroed, "volume"),
        (&disk, "disk"),
    ];
    for (source, expected) in sources {
        for (offset, bytes, _) in FAR {
            let mut source = source.clone();
            source[*offset..offset + bytes.len()].copy_from_slice(bytes);
            assert_eq!(name_of(&source), expected, "{bytes:?} at {offset:#x}");
        }
    }
}

/// A source of which only the first sector can be read.
struct OneSector([u8; 512]);

impl ReadAt for OneSector {
    fn size(&self) -> u64 {
        1 << 40
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        assert_eq!(offset, 0, "more is read than needed");
        self.0.as_slice().read_exact_at(offset, buf)
    }
}

#[test]
fn volumes_and_images_are_known_by_one_sector() {
    let volume = VolumeBuilder::new().build().bytes;
    let image = Header::new(4096, 4096, 1, 1).to_bytes().to_vec();
    for (bytes, expected) in [(volume, Content::Volume), (image, Content::Image)] {
        let mut sector = [0; 512];
        let len = bytes.len().min(512);
        sector[..len].copy_from_slice(&bytes[..len]);
        let source = OneSector(sector);
        assert_eq!(Probe::new(&source).unwrap().content(), expected);
    }
}

/// With a CR before each LF.
fn with_returns(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.iter().flat_map(|&byte| match byte {
        b'\n' => vec![b'\r', b'\n'],
        other => vec![other],
    });
    bytes.collect()
}

/// A footer of a VHD of that type, after other bytes.
fn vhd(kind: u8) -> Vec<u8> {
    let mut bytes = vec![7; 4096];
    bytes.extend(b"conectix");
    bytes.resize(4096 + 60, 0);
    bytes.extend([0, 0, 0, kind]);
    bytes.resize(4096 + 512, 0);
    bytes
}

#[test]
fn is_identified() {
    let to_go = [
        0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0,
        0x01,
    ];
    let image = Header::new(4096, 4096, 1, 1).to_bytes().to_vec();
    const ZEROS: &str =
        "begins with zeros: there is no boot sector of NTFS, nor a backup at its end";
    let bitlocker = "is encrypted by BitLocker";
    let fat = "is a FAT volume, not NTFS";
    let mut only_backup = VolumeBuilder::new().build();
    only_backup.damage_boot_sector();
    let mut no_backup = VolumeBuilder::new().build();
    no_backup.damage_backup_boot_sector();
    let returns = "went through a terminal or shell as text, and has a CR before each LF";
    let text =
        "was made text by a shell such as PowerShell, and is not the bytes that were written";
    let volume = VolumeBuilder::new().build().bytes;
    let as_text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned().into_bytes();
    let as_wide = |bytes: &[u8]| {
        let letters = bytes.iter().flat_map(|&byte| [byte, 0]);
        [0xFF, 0xFE].into_iter().chain(letters).collect::<Vec<u8>>()
    };
    let mut saved = image.clone();
    saved.push(1);
    saved.extend(&volume[..4096]);
    let table = [
        (with_returns(&saved), returns),
        (
            with_returns(&[&volume[..100], b"\r\n", &volume[102..]].concat()),
            returns,
        ),
        (as_text(&saved), text),
        (as_text(&volume), text),
        (as_text(b"\x1F\x8B\x08\0\0"), text),
        (as_text(b"\x28\xB5\x2F\xFD\0"), text),
        (as_text(b"\xFD7zXZ\0"), text),
        (as_wide(&saved), text),
        (as_wide(&volume), text),
        (saved, "image"),
        (volume, "volume"),
        (sector(&[(3, b"-FVE-FS-")]), bitlocker),
        (
            sector(&[(3, b"MSWIN4.1"), (0x52, b"FAT32   "), (0x1A8, &to_go)]),
            bitlocker,
        ),
        (
            sector(&[(3, b"ReFS\0\0\0\0")]),
            "is a ReFS volume, not NTFS",
        ),
        (sector(&[(3, b"EXFAT   ")]), "is an exFAT volume, not NTFS"),
        (sector(&[(0x36, b"FAT12   ")]), fat),
        (sector(&[(3, b"mkfs.fat"), (0x36, b"FAT16   ")]), fat),
        (sector(&[(0x52, b"FAT32   ")]), fat),
        (image, "image"),
        (b"partclone-image0001".to_vec(), "partclone"),
        (b"\xEB\x52\x90NTFS    \0\x02\x08\0\0".to_vec(), "volume"),
        (b"\xE9\x00\x90NTFS    \0\x02\x08\0\0".to_vec(), "volume"),
        (no_backup.bytes, "volume"),
        (only_backup.bytes, "volume"),
        (b"\x1F\x8B\x08".to_vec(), "gzip"),
        (b"conectix".to_vec(), "VHD"),
        (vhd(3), "VHD"),
        (vhd(2), "VHD"),
        (b"QFI\xFB\0\0\0\x02".to_vec(), "qcow2"),
        (b"QFI\xFB\0\0\0\x03".to_vec(), "qcow2"),
        (b"KDMV\x01\0\0\0".to_vec(), "VMDK"),
        (b"# Disk DescriptorFile\nversion=1".to_vec(), "VMDK"),
        (b"EVF\x09\x0D\x0A\xFF\0".to_vec(), "E01"),
        (b"vhdxfile".to_vec(), "VHDX"),
        (sector(&[(0x40, b"\x7F\x10\xDA\xBE\x01\0\x01\0")]), "VDI"),
        (vec![0; 512], ZEROS),
        (vec![0; 1 << 20], ZEROS),
        (b"NTFS".to_vec(), "unknown"),
        (Vec::new(), "unknown"),
        (vec![0; 511], "unknown"),
        (vec![7; 511], "unknown"),
        (vec![7; 4096], "unknown"),
        (sector(&[]), "unknown"),
    ];
    for (bytes, expected) in table {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
        assert_eq!(name_of(&bytes), expected, "{start:?}");
    }
    // Marked by a rescue, as long as something can still be told.
    let begins = |bytes: &[u8], name: &str| assert!(name_of(bytes).starts_with(name));
    begins(
        b"BadSectoR\0??",
        "begins with a sector that could not be read",
    );
    begins(b"BadSectoR??", "unknown");
}

/// The code in a boot sector stands where a disk has its partition table.
#[test]
fn code_is_no_partition_table() {
    let mut built = VolumeBuilder::new().build();
    built.patch(3, b"BROKEN  ");
    for seed in 0..20 {
        built.patch(0x54, &ntfs_volume_builder::pattern(seed, 510 - 0x54));
        // Small numbers, as long as the device is.
        for entry in 0..4 {
            built.patch(
                0x1BE + entry * 16 + 4,
                &[7, 1, 2, 3, 1, 0, 0, 0, 9, 0, 0, 0],
            );
        }
        built.damage_backup_boot_sector();
        assert_eq!(name_of(&built.bytes), "unknown", "{seed}");
    }
}
