//! Forensic images (E01).

use ntfs_volume_builder::{Ewf, ewf, pattern, redo_ewf_checksums};
use ntfsclone_core::Error;
use ntfsclone_core::disk::{Absence, DiskFormat};
use ntfsclone_core::error::Structure;

use crate::files::Files;
use crate::read::{check, read};

const FORM: Ewf = Ewf {
    chunk: 2,
    table: 5,
    is_compressed: true,
};

fn files(segments: &[Vec<u8>]) -> Files {
    let name = |number: usize| format!("top.E{number:02}");
    let numbered = segments.iter().zip(1..);
    numbered.fold(Files::default(), |files, (segment, number)| {
        files.with(&name(number), segment.clone())
    })
}

#[track_caller]
fn error(segments: &[Vec<u8>]) -> Error {
    match files(segments).open(DiskFormat::Ewf) {
        Err(error) => error,
        Ok(opened) => {
            let size = opened.source.size();
            let error = read(&opened.source, 0, size).expect_err("damaged");
            error.downcast().expect("an error of the core")
        }
    }
}

#[test]
fn images_are_read() {
    for sectors in [1, 2, 7, 64, 333] {
        let disk = pattern(1, sectors * 512);
        for (chunk, table) in [(1, 1000), (2, 1000), (3, 10), (64, 2), (64, 1000)] {
            for is_compressed in [false, true] {
                let form = Ewf {
                    chunk,
                    table,
                    is_compressed,
                };
                let segments = ewf(&disk, form);
                if segments.len() > 99 {
                    continue;
                }
                let opened = files(&segments).open(DiskFormat::Ewf).unwrap();
                assert_eq!(opened.files.len(), segments.len() - 1);
                check(&opened.source, &disk, &format!("{sectors} {form:?}"));
            }
        }
    }
}

#[test]
fn names_of_segments_continue_with_letters() {
    let disk = pattern(1, 800 * 512);
    let segments = ewf(
        &disk,
        Ewf {
            chunk: 1,
            table: 1,
            is_compressed: false,
        },
    );
    let letters = |letter: usize| char::from(b'a' + letter as u8);
    let name = |number: usize| match number {
        ..=99 => format!("top.e{number:02}"),
        _ => {
            let index = number - 100;
            let first = letters(4 + index / 676);
            format!(
                "top.{first}{}{}",
                letters(index / 26 % 26),
                letters(index % 26)
            )
        }
    };
    let mut files = Files::default();
    for (segment, number) in segments.into_iter().zip(1..) {
        files = files.with(&name(number), segment);
    }
    let opened = files.open(DiskFormat::Ewf).unwrap();
    assert_eq!(opened.files.len(), 799);
    assert_eq!(opened.files[97..100], ["top.e99", "top.eaa", "top.eab"]);
    assert_eq!(opened.files[98 + 676], "top.faa");
    check(&opened.source, &disk, "800 segments");
}

#[test]
fn segments_that_are_not_there_are_named() {
    let segments = ewf(&pattern(1, 60 * 512), FORM);
    let found = error(&segments[..3]);
    assert!(
        matches!(&found, Error::FileNeeded { path, absence: Absence::Missing } if path == "top.E04"),
        "{found:?}"
    );
    let found = error(&segments[1..]);
    assert!(matches!(found, Error::DiskNotRead { .. }), "{found:?}");
    let mixed = [segments[0].clone(), segments[2].clone()];
    let found = error(&mixed);
    assert!(
        matches!(
            found,
            Error::Corrupt {
                field: "its segment number",
                ..
            }
        ),
        "{found:?}"
    );
}

/// Offset of the section of that kind.
fn section(file: &[u8], kind: &[u8]) -> usize {
    let mut kind = kind.to_vec();
    kind.push(0);
    file.windows(kind.len())
        .position(|bytes| bytes == kind)
        .unwrap()
}

#[test]
fn a_copy_stands_in_for_a_damaged_table() {
    let disk = pattern(1, 60 * 512);
    let mut segments = ewf(&disk, FORM);
    let table = section(&segments[1], b"table");
    for offset in [table + 76 + 20, table + 76 + 24 + 1] {
        let mut damaged = segments.clone();
        damaged[1][offset] ^= 0x10;
        check(
            &files(&damaged).open(DiskFormat::Ewf).unwrap().source,
            &disk,
            "table2",
        );
    }
    let copy = section(&segments[1], b"table2");
    for start in [table, copy] {
        segments[1][start + 76 + 24 + 1] ^= 0x10;
    }
    let found = error(&segments);
    assert!(
        matches!(
            found,
            Error::Corrupt {
                structure: Structure::DiskTable,
                ..
            }
        ),
        "{found:?}"
    );
}

#[test]
fn damage_of_any_byte_is_found() {
    let disk = pattern(1, 12 * 512);
    let segments = ewf(&disk, FORM);
    for offset in 0..segments[0].len() {
        let mut damaged = segments.clone();
        damaged[0][offset] ^= 0x47;
        let Ok(opened) = files(&damaged).open(DiskFormat::Ewf) else {
            continue;
        };
        for sector in 0..12 {
            if let Ok(bytes) = read(&opened.source, sector * 512, 512) {
                let expected = &disk[sector as usize * 512..][..512];
                assert!(bytes == expected, "{offset} {sector}");
            }
        }
    }
}

#[test]
fn truncation_anywhere_is_an_error() {
    let segments = ewf(&pattern(1, 5 * 1024), FORM);
    for len in 0..segments[0].len() {
        assert!(
            files(&[segments[0][..len].to_vec()])
                .open(DiskFormat::Ewf)
                .is_err(),
            "{len}"
        );
    }
}

#[test]
fn hostile_sections_are_refused() {
    let segments = ewf(&pattern(1, 8 * 512), FORM);
    let file = &segments[0];
    let table = section(file, b"table") + 76;
    let volume = section(file, b"volume") + 76;
    for (offset, value, field) in [
        (volume - 76 + 16, 13, "the offset of the next section"),
        (volume - 76 + 16, 0, "the offset of the next section"),
        (volume + 8, 0, "its chunk size"),
        (volume + 8, u32::MAX, "its chunk size"),
        (volume + 16, 1 << 20, "its number of chunks"),
        (volume + 20, u32::MAX, "its number of sectors"),
        (table, u32::MAX, "its number of entries"),
        (table, 200, "its number of entries"),
    ] {
        let mut file = file.clone();
        let mut places = vec![offset];
        if offset == table {
            places.push(section(&file, b"table2") + 76);
        }
        for place in places {
            file[place..place + 4].copy_from_slice(&u32::to_le_bytes(value));
        }
        redo_ewf_checksums(&mut file);
        match error(&[file]) {
            Error::Corrupt { field: found, .. } => assert_eq!(found, field, "{offset} {value}"),
            other => panic!("{field}: {other:?}"),
        }
    }
}
