//! Opening, and what is told at a glance.

use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::image::{Index, Reader};
use ntfsclone_core::info::{Document, Format, ImageSummary, MAP_PARTS, VolumeSummary};
use ntfsclone_core::jobs::Failure;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::open::NotOpened;

use crate::copies::{image_of, restored};
use crate::driver::Driver;
use crate::samples::{large, volumes};

fn document(source: &[u8], format: Format) -> Document {
    Document {
        source: "source".to_owned(),
        size: Some(source.len() as u64),
        format,
        layers: Vec::new(),
        made: None,
        image: None,
        volume: None,
        warnings: Vec::new(),
    }
}

#[test]
fn volumes_tell_the_same_as_at_once() {
    for (name, built) in volumes() {
        let source = built.bytes.as_slice();
        let volume = Volume::open(source).unwrap();
        let expected = Document {
            volume: Some(VolumeSummary::read(&volume, MAP_PARTS).unwrap()),
            ..document(source, Format::Volume)
        };
        let mut driver = Driver::new(source);
        let opened = driver.open().unwrap();
        let info = driver.info(&opened).unwrap();
        assert_eq!(info, expected, "{name}");
    }
}

#[test]
fn images_tell_the_same_as_at_once() {
    for (name, built) in volumes() {
        let image = image_of(&built);
        let source = image.as_slice();
        let Discovery::Found(index) = Index::discover(source).unwrap() else {
            panic!("{name}: no ordinary image");
        };
        let summary = ImageSummary::new(index.header(), Some(&index));
        let volume = Volume::open(Reader::new(source, index)).unwrap();
        let expected = Document {
            image: Some(summary),
            volume: Some(VolumeSummary::read(&volume, MAP_PARTS).unwrap()),
            ..document(source, Format::Image)
        };
        let mut driver = Driver::new(source);
        let opened = driver.open().unwrap();
        let info = driver.info(&opened).unwrap();
        assert_eq!(info, expected, "{name}");
    }
}

#[test]
fn little_is_read_at_a_glance() {
    let built = large().build();
    let image = image_of(&built);
    for source in [&built.bytes, &image] {
        let mut driver = Driver::new(source.as_slice());
        let opened = driver.open().unwrap();
        driver.info(&opened).unwrap();
        let all = source.len() as u64;
        assert!(driver.read < all / 8, "{} of {all}", driver.read);
    }
}

#[test]
fn what_cannot_be_opened_is_told() {
    let table: [(&[u8], &str); 6] = [
        (b"", "not-ntfs"),
        (b"a short letter", "not-ntfs"),
        (&[b'a'; 4096], "not-ntfs"),
        (&[0; 4096], "not-ntfs"),
        (b"partclone-image\0", "corrupt"),
        (b"\0ntfsclone-image\x0A\x01", "corrupt"),
    ];
    for (source, code) in table {
        let failure = Driver::new(source).open().unwrap_err();
        assert_eq!(failure.code(), code, "{failure}");
    }
    let mut refs = [0; 4096];
    refs[3..11].copy_from_slice(b"ReFS\0\0\0\0");
    let failure = Driver::new(refs.as_slice()).open().unwrap_err();
    assert!(matches!(
        failure,
        Failure::NotOpened(NotOpened::Format(format)) if format.name.contains("ReFS")
    ));
}

#[test]
fn other_file_systems_in_images_are_named() {
    let (_, built) = volumes().swap_remove(0);
    let mut image = image_of(&built);
    let starts = 0..image.len() - 8;
    for at in starts {
        if image[at..].starts_with(b"NTFS    ") {
            image[at..at + 8].copy_from_slice(b"ReFS\0\0\0\0");
        }
    }
    let mut driver = Driver::new(image.as_slice());
    let opened = driver.open().unwrap();
    let text = match driver.info(&opened) {
        Ok(document) => document.warnings.concat(),
        Err(failure) => failure.to_string(),
    };
    assert!(
        text.contains("the volume is a ReFS volume, not NTFS"),
        "{text}"
    );
}

#[test]
fn any_bytes_of_the_volume_are_read() {
    for (name, built) in volumes() {
        let volume = restored(&built);
        let size = volume.len() as u64;
        for source in [&volume, &image_of(&built)] {
            let mut driver = Driver::new(source.as_slice());
            let opened = driver.open().unwrap();
            for range in [
                0..512,
                4095..4097,
                size - 1000..size + 1000,
                size..u64::MAX,
                1 << 20..(3 << 20) + 7,
            ] {
                let found = driver.output(&mut opened.read(range.clone())).unwrap();
                let end = range.end.min(size) as usize;
                let start = end.min(range.start as usize);
                assert!(found == volume[start..end], "{name}: {range:?}");
            }
        }
    }
}
