//! Disks in several files: differences and their parents, extents, files of data.

use ntfs_volume_builder::{
    Qcow2, VHDX_DATA_GUID, pattern, qcow2, qcow2_with_backing, redo_vhd_checksum, vdi,
    vdi_difference, vdi_with_id, vhd, vhd_difference, vhdx, vhdx_difference, vmdk, vmdk_delta,
};
use ntfsclone_core::Error;
use ntfsclone_core::disk::{Absence, DiskFormat};
use ntfsclone_core::error::Structure;
use ntfsclone_core::io::ByteExtent;

use crate::files::Files;
use crate::read::{check, read};

use DiskFormat::{Qcow2 as QCOW2, Vdi as VDI, Vhd as VHD, Vhdx as VHDX, Vmdk as VMDK};

const SECTOR: usize = 512;

/// Two disks of `size` bytes, and what the second one over the first one is where the sectors `is_written`.
fn disks(size: usize, is_written: &dyn Fn(usize) -> bool) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (base, top) = (pattern(3, size), pattern(4, size));
    let mut both = base.clone();
    for (sector, bytes) in both.chunks_mut(SECTOR).enumerate() {
        if is_written(sector) {
            bytes.copy_from_slice(&top[sector * SECTOR..][..bytes.len()]);
        }
    }
    (base, top, both)
}

/// Sectors in runs of all lengths, within words of a bitmap and over their ends.
fn here_and_there(sector: usize) -> bool {
    sector % 7 < 3 || (100..300).contains(&sector) || sector % 1024 > 1000
}

#[test]
fn differences_of_vhd_are_read_over_their_parents() {
    for block_size in [SECTOR, 4096, 64 << 10] {
        for size in [SECTOR, 999 * SECTOR, 300 << 10] {
            let (base, top, both) = disks(size, &here_and_there);
            for parent in [None, Some(4096)] {
                let files = Files::default()
                    .with(
                        "top",
                        vhd_difference(&top, block_size, &here_and_there, ".\\base"),
                    )
                    .with("base", vhd(&base, parent));
                let opened = files.open(VHD).unwrap();
                assert_eq!(opened.files, ["base"]);
                check(&opened.source, &both, "VHD");
            }
        }
    }
}

#[test]
fn differences_of_vhdx_are_read_over_their_parents() {
    let size = (5 << 20) + 3 * SECTOR;
    // A block of the parent alone, one of the difference alone, and others of both.
    let is_written = |sector| match sector / 2048 {
        1 => false,
        2 => true,
        _ => here_and_there(sector),
    };
    let (base, top, both) = disks(size, &is_written);
    let linkage = format!("{{{}}}", VHDX_DATA_GUID.to_lowercase());
    let locator = [
        ("parent_linkage", linkage.as_str()),
        ("relative_path", ".\\gone"),
        ("absolute_win32_path", "base"),
    ];
    let files = Files::default()
        .with("top", vhdx_difference(&top, &is_written, &locator))
        .with("base", vhdx(&base));
    let opened = files.open(VHDX).unwrap();
    assert_eq!(opened.files, ["base"]);
    check(&opened.source, &both, "VHDX");
}

/// Blocks of zeros of the second disk, which are those of the first one.
fn with_gaps(size: usize, block: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let is_written = |sector: usize| sector * SECTOR / block % 4 != 2;
    let (base, mut top, both) = disks(size, &is_written);
    for (sector, bytes) in top.chunks_mut(SECTOR).enumerate() {
        if !is_written(sector) {
            bytes.fill(0);
        }
    }
    (base, top, both)
}

#[test]
fn differences_of_vdi_are_read_over_the_parent_with_their_uuid() {
    let (base, top, both) = with_gaps(40 << 10, 1024);
    let id = *b"The UUID of base";
    let files = Files::default()
        .with("top", vdi_difference(&top, 1024, id))
        .with("a.vdi", vdi(&top, 1024))
        .with("b.vdi", b"not a disk".to_vec())
        .with("c.vdi", vdi_with_id(&base, 4096, id))
        .with("d.vdi", vdi(&top, 1024));
    let opened = files.open(VDI).unwrap();
    assert_eq!(opened.files, ["c.vdi"]);
    check(&opened.source, &both, "VDI");
}

#[test]
fn qcow2_is_read_over_its_backing_file() {
    let (base, top, both) = with_gaps(40 << 10, SECTOR);
    for (format, backing) in [
        (None, base.clone()),
        (Some("raw"), base.clone()),
        // What the disk holds is not looked at where the format is recorded.
        (Some("qcow2"), qcow2(&base, 12, Qcow2::Zlib)),
        (None, qcow2(&base, 9, Qcow2::Version3)),
        (Some("vpc"), vhd(&base, Some(4096))),
        (Some("vdi"), vdi(&base, 4096)),
        (Some("vmdk"), vmdk(&base, 4096, true)),
        (None, vmdk(&base, 4096, false)),
    ] {
        let files = Files::default()
            .with("top", qcow2_with_backing(&top, "base", format))
            .with("base", backing);
        let opened = files.open(QCOW2).unwrap();
        assert_eq!(opened.files, ["base"]);
        check(&opened.source, &both, "qcow2");
    }
}

#[test]
fn a_raw_backing_file_is_not_taken_for_what_it_holds() {
    let raw = qcow2(&pattern(1, 4096), 9, Qcow2::Version3);
    let top = vec![0; raw.len().next_multiple_of(SECTOR)];
    let files = Files::default()
        .with("top", qcow2_with_backing(&top, "base", Some("raw")))
        .with("base", raw.clone());
    let mut expected = raw;
    expected.resize(top.len(), 0);
    check(&files.open(QCOW2).unwrap().source, &expected, "raw");
}

#[test]
fn a_disk_that_is_larger_than_its_parent_ends_with_zeros() {
    let (base, top, mut both) = with_gaps(40 << 10, SECTOR);
    let left = 9 * SECTOR + 100;
    for (offset, byte) in both.iter_mut().enumerate().skip(left) {
        if top[offset / SECTOR * SECTOR..][..SECTOR]
            .iter()
            .all(|&byte| byte == 0)
        {
            *byte = 0;
        }
    }
    let files = Files::default()
        .with("top", qcow2_with_backing(&top, "base", Some("raw")))
        .with("base", base[..left].to_vec());
    check(&files.open(QCOW2).unwrap().source, &both, "qcow2");
}

#[test]
fn deltas_of_vmdk_are_read_over_their_parents() {
    let (base, top, both) = with_gaps(40 << 10, 1024);
    let files = Files::default()
        .with("top", vmdk_delta(&top, 1024, "base", "12345678"))
        .with("base", vmdk(&base, 4096, false));
    let opened = files.open(VMDK).unwrap();
    assert_eq!(opened.files, ["base"]);
    check(&opened.source, &both, "VMDK");
}

fn descriptor(lines: &str) -> Vec<u8> {
    let head = "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"custom\"\n";
    format!("{head}\n# Extent description\n{lines}").into_bytes()
}

#[test]
fn extents_of_vmdk_are_one_disk() {
    let disk = pattern(9, 60 * SECTOR);
    let (first, rest) = disk.split_at(20 * SECTOR);
    let (flat, zeros) = rest.split_at(30 * SECTOR);
    let lines = "RW 20 SPARSE \"a b.vmdk\"\r\nRW 10 FLAT \"flat\" 5\nRW 20 VMFS \"flat\" 15\nRW 8 ZERO\nRW 2 FLAT \"end\" 0";
    let files = Files::default()
        .with("top", descriptor(lines))
        .with("a b.vmdk", vmdk(first, 1024, false))
        .with("flat", [&[0xEE; 5 * SECTOR], flat].concat())
        .with("end", zeros[8 * SECTOR..].to_vec());
    let mut expected = disk.clone();
    expected[50 * SECTOR..58 * SECTOR].fill(0);
    let opened = files.open(VMDK).unwrap();
    assert_eq!(opened.files, ["a b.vmdk", "flat", "end"]);
    check(&opened.source, &expected, "VMDK");
}

/// A file with its grains in the same order as the disk, in the format of ESXi.
fn cowd(disk: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 4 * SECTOR];
    file[..4].copy_from_slice(b"COWD");
    let fields = [1, 3, disk.len() / SECTOR, 1, 4, 1];
    for (index, value) in fields.iter().enumerate() {
        file[4 + 4 * index..][..4].copy_from_slice(&(*value as u32).to_le_bytes());
    }
    file.extend(5_u32.to_le_bytes());
    file.resize(5 * SECTOR, 0);
    let first = 5 + 4096 * 4 / SECTOR;
    let mut next = first;
    for grain in disk.chunks(SECTOR) {
        let is_stored = grain.iter().any(|&byte| byte != 0);
        file.extend((if is_stored { next as u32 } else { 0 }).to_le_bytes());
        next += usize::from(is_stored);
    }
    file.resize(first * SECTOR, 0);
    for grain in disk
        .chunks(SECTOR)
        .filter(|grain| grain.iter().any(|&byte| byte != 0))
    {
        file.extend(grain);
    }
    file
}

#[test]
fn deltas_of_esxi_are_read_over_the_part_of_the_parent() {
    let (base, top, both) = with_gaps(80 * SECTOR, SECTOR);
    let (first, second) = top.split_at(31 * SECTOR);
    let lines = "RW 31 VMFSSPARSE \"one\"\nRW 49 VMFSSPARSE \"two\"";
    let text = String::from_utf8(descriptor(lines)).unwrap();
    let text = text.replace(
        "parentCID=ffffffff",
        "parentCID=12345678\nparentFileNameHint=\"base\"",
    );
    let files = Files::default()
        .with("top", text.into_bytes())
        .with("one", cowd(first))
        .with("two", cowd(second))
        .with("base", descriptor("RW 80 VMFS \"base-flat\""))
        .with("base-flat", base);
    check(&files.open(VMDK).unwrap().source, &both, "ESXi");
}

#[test]
fn clusters_in_another_file_are_read() {
    const COPIED: u64 = 1 << 63;
    let disk = pattern(5, 8 * SECTOR);
    let mut file = qcow2(&disk, 9, Qcow2::Version3);
    file[79] = 4;
    let name = b"data";
    file[104..112].fill(0);
    for (offset, bytes) in [
        (112, &0x4441_5441_u32.to_be_bytes()[..]),
        (116, &(name.len() as u32).to_be_bytes()),
        (120, name),
    ] {
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    let table = (u64::from_be_bytes(file[512..520].try_into().unwrap()) & !COPIED) as usize;
    for cluster in 0..8 {
        // The first one is at the start of the other file.
        let entry = COPIED | (cluster * SECTOR) as u64;
        file[table + 8 * cluster..][..8].copy_from_slice(&entry.to_be_bytes());
    }
    let files = Files::default()
        .with("top", file)
        .with("data", disk.clone());
    let opened = files.open(QCOW2).unwrap();
    assert_eq!(opened.files, ["data"]);
    check(&opened.source, &disk, "data file");
}

#[test]
fn long_chains_are_read() {
    let base = pattern(1, 64 * SECTOR);
    let mut expected = base.clone();
    let mut files = Files::default().with("0", base);
    for level in 1..60 {
        let mut top = vec![0; 64 * SECTOR];
        top[level * SECTOR..][..SECTOR].fill(level as u8);
        expected[level * SECTOR..][..SECTOR].fill(level as u8);
        let name = if level == 59 {
            "top".to_owned()
        } else {
            level.to_string()
        };
        let parent = (level - 1).to_string();
        files = files.with(&name, qcow2_with_backing(&top, &parent, None));
    }
    let opened = files.open(QCOW2).unwrap();
    assert_eq!(opened.files.len(), 59);
    check(&opened.source, &expected, "chain");
}

#[track_caller]
fn check_refused(files: &Files, format: DiskFormat, is_expected: fn(&Error) -> bool) {
    let mut error = files.open(format).map(|_| ()).expect_err("refused");
    while let Error::InNeighbour { source, .. } = error {
        error = *source;
    }
    assert!(is_expected(&error), "{error:?}");
}

#[test]
fn circles_are_refused() {
    let disk = vec![0; 8 * SECTOR];
    let is_circle = |error: &Error| matches!(error, Error::DiskNotRead { .. });
    for (top, base) in [("top", "top"), ("base", "top"), ("base", "base")] {
        let files = Files::default()
            .with("top", qcow2_with_backing(&disk, top, Some("qcow2")))
            .with("base", qcow2_with_backing(&disk, base, None));
        check_refused(&files, QCOW2, is_circle);
    }
    let files = Files::default().with("top", vhd_difference(&disk, 4096, &|_| false, "top"));
    check_refused(&files, VHD, is_circle);
    let files = Files::default().with("top", vmdk_delta(&disk, 4096, "top", "87654321"));
    check_refused(&files, VMDK, is_circle);
    let id = *b"UUID of this VDI";
    let files = Files::default()
        .with("top", vdi_difference(&disk, 1024, id))
        .with("top.vdi", vdi_difference(&disk, 1024, id));
    check_refused(&files, VDI, is_circle);
}

#[test]
fn chains_without_an_end_are_refused() {
    let mut files = Files::default();
    let disk = vec![0; SECTOR];
    for level in 0..200 {
        let name = if level == 0 {
            "top".to_owned()
        } else {
            level.to_string()
        };
        files = files.with(
            &name,
            qcow2_with_backing(&disk, &(level + 1).to_string(), Some("qcow2")),
        );
    }
    check_refused(&files, QCOW2, |error| {
        matches!(error, Error::DiskNotRead { .. })
    });
}

#[test]
fn files_that_are_not_there_are_named() {
    let disk = vec![0; 8 * SECTOR];
    let is_missing = |error: &Error| {
        matches!(
            error,
            Error::FileNeeded {
                absence: Absence::Missing,
                ..
            }
        )
    };
    let linkage = [
        ("parent_linkage", VHDX_DATA_GUID),
        ("relative_path", "base"),
    ];
    for (format, file) in [
        (VHD, vhd_difference(&disk, 4096, &|_| false, "base")),
        (VHDX, vhdx_difference(&disk, &|_| false, &linkage)),
        (VDI, vdi_difference(&disk, 1024, [7; 16])),
        (QCOW2, qcow2_with_backing(&disk, "base", None)),
        (VMDK, vmdk_delta(&disk, 1024, "base", "12345678")),
        (VMDK, descriptor("RW 8 FLAT \"base\" 0")),
        (VMDK, descriptor("RW 8 SPARSE \"base\"")),
    ] {
        check_refused(&Files::default().with("top", file), format, is_missing);
    }
}

#[test]
fn other_parents_are_refused() {
    let disk = vec![0; 8 * SECTOR];
    let is_other = |error: &Error| matches!(error, Error::OtherParent { .. });
    let mut base = vhd(&disk, None);
    let footer = base.len() - SECTOR;
    base[footer + 70] ^= 1;
    redo_vhd_checksum(&mut base[footer..]);
    let files = Files::default()
        .with("top", vhd_difference(&disk, 4096, &|_| false, "base"))
        .with("base", base);
    check_refused(&files, VHD, is_other);

    for linkage in ["{00112233-4455-6677-8899-AABBCCDDEE00}", ""] {
        let locator = [("parent_linkage", linkage), ("relative_path", "base")];
        let files = Files::default()
            .with("top", vhdx_difference(&disk, &|_| false, &locator))
            .with("base", vhdx(&disk));
        check_refused(&files, VHDX, is_other);
    }

    let id = *b"The UUID of base";
    let mut base = vdi_with_id(&disk, 1024, id);
    // It was written to since.
    base[408] ^= 1;
    let files = Files::default()
        .with("top", vdi_difference(&disk, 1024, id))
        .with("base.vdi", base);
    check_refused(&files, VDI, is_other);

    let files = Files::default()
        .with("top", vmdk_delta(&disk, 1024, "base", "12345679"))
        .with("base", vmdk(&disk, 1024, false));
    check_refused(&files, VMDK, is_other);
}

#[test]
fn parents_of_another_size_are_refused() {
    let disk = vec![0; 8 * SECTOR];
    let is_size = |error: &Error| {
        matches!(
            error,
            Error::Corrupt {
                field: "its disk size" | "its size",
                ..
            }
        )
    };
    for size in [7, 9] {
        let files = Files::default()
            .with("top", vhd_difference(&disk, 4096, &|_| false, "base"))
            .with("base", vhd(&vec![0; size * SECTOR], None));
        check_refused(&files, VHD, is_size);
    }
    let files = Files::default()
        .with("top", descriptor("RW 9 SPARSE \"part\""))
        .with("part", vmdk(&disk, 1024, false));
    check_refused(&files, VMDK, is_size);
}

#[test]
fn damaged_descriptors_are_refused() {
    let is_descriptor = |error: &Error| {
        matches!(
            error,
            Error::Corrupt {
                structure: Structure::DiskDescriptor,
                ..
            }
        )
    };
    for lines in [
        "",
        "RW 0 ZERO",
        "RW 99999999999999999999 ZERO",
        "RW 36028797018963968 ZERO",
        "RW 36028797018963967 ZERO\nRW 1 ZERO\nRW 1 ZERO",
        "CID=12345678x\nRW 1 ZERO",
    ] {
        let files = Files::default().with("top", descriptor(lines));
        check_refused(&files, VMDK, is_descriptor);
    }
    for kind in ["SESPARSE", "VMFSRDM", "VMFSRAW", ""] {
        let files = Files::default().with("top", descriptor(&format!("RW 1 {kind} \"x\"")));
        check_refused(&files, VMDK, |error| {
            matches!(error, Error::DiskNotRead { .. } | Error::Corrupt { .. })
        });
    }
}

/// Zeros in their place would pass for the content.
#[test]
fn what_other_files_lack_is_absent() {
    let files = Files::default()
        .with("top", descriptor("RW 8 FLAT \"flat\" 2\nRW 2 ZERO"))
        .with("flat", vec![1; 5 * SECTOR]);
    let disk = files.open(VMDK).unwrap().source;
    let extents: Vec<ByteExtent> = [0, 3 * 512, 8 * 512]
        .map(|offset| disk.extent_at(offset).unwrap())
        .into();
    assert_eq!(
        extents,
        [
            ByteExtent::Data { len: 3 * 512 },
            ByteExtent::Absent { len: 5 * 512 },
            ByteExtent::Data { len: 2 * 512 },
        ]
    );
    assert!(read(&disk, 0, 3 * 512).is_ok());
    assert!(read(&disk, 0, 4 * 512).is_err());
    assert!(read(&disk, 8 * 512, 1024).is_ok());

    // Likewise, if it is the parent that lacks it.
    let base = qcow2(&pattern(1, 8 * SECTOR), 9, Qcow2::Version2);
    let cut = base[..base.len() - SECTOR].to_vec();
    let files = Files::default()
        .with("top", qcow2_with_backing(&[0; 8 * SECTOR], "base", None))
        .with("base", cut);
    let disk = files.open(QCOW2).unwrap().source;
    let last = disk.extent_at(7 * 512).unwrap();
    assert_eq!(last, ByteExtent::Absent { len: 512 });
    assert!(read(&disk, 7 * 512, 512).is_err());
}
