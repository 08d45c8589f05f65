//! What the core does step by step, for JavaScript, against what the program does: byte for byte.

use std::{cell::Cell, fs::File, os::unix::fs::FileExt, sync::Arc};

use crate::support::{
    disk, large_volume,
    scene::Scene,
    small_volume::{builder, image_of, volume},
};
use ntfs_volume_builder::{FileData, Run, pattern};
use ntfsclone_core::{
    check::Document,
    jobs::{self, Arrival, Compression, Failure, Job, Opened, Opening, Step},
    open::Damage,
    pages::Pages,
    write::{
        Conversion, DiskSupport, METADATA, NTFSCLONE, Partitioning, RAW, WRITERS, ZstdCompressor,
    },
};

/// A file, read as JavaScript reads it.
#[derive(Debug)]
struct Source {
    file: File,
    pages: Arc<Pages>,
    opened: Option<Opened>,
    peak: Cell<u64>,
}

impl Source {
    fn open(scene: &Scene, name: &str) -> Self {
        Self::open_partition(scene, name, None).unwrap()
    }

    fn open_partition(scene: &Scene, name: &str, partition: Option<u32>) -> Result<Self, Failure> {
        let file = File::open(scene.path(name)).unwrap();
        let size = file.metadata().unwrap().len();
        let mut source = Self {
            file,
            pages: Arc::new(Pages::new(size)),
            opened: None,
            peak: Cell::new(0),
        };
        let mut job = jobs::open(Opening::new(name, partition), Arc::clone(&source.pages));
        source.try_run(&mut job, |_| {})?;
        match job.into_result() {
            Some(Arrival::Opened(opened)) => source.opened = Some(*opened),
            _ => panic!("{name} is compressed"),
        }
        Ok(source)
    }

    fn opened(&self) -> &Opened {
        self.opened.as_ref().unwrap()
    }

    fn run<T>(&self, job: &mut Job<T>, take: impl FnMut(Step)) {
        self.try_run(job, take).unwrap();
    }

    fn try_run<T>(&self, job: &mut Job<T>, mut take: impl FnMut(Step)) -> Result<(), Failure> {
        loop {
            match job.step()? {
                Step::Done => return Ok(()),
                Step::Read(range) => {
                    let mut bytes = vec![0; (range.end - range.start) as usize];
                    self.file.read_exact_at(&mut bytes, range.start).unwrap();
                    self.pages.supply(range.start, bytes).unwrap();
                    self.peak.set(self.peak.get().max(self.pages.kept()));
                }
                step => take(step),
            }
        }
    }

    fn info(&self) -> String {
        let mut info = self.opened().info();
        self.run(&mut info, |_| {});
        info.result().unwrap().to_json().unwrap() + "\n"
    }

    fn validate(&self) -> String {
        let mut validate = self.opened().validate();
        self.run(&mut validate, |_| {});
        let document = Document {
            source: self.opened().name().to_owned(),
            against: None,
            compared: None,
            report: validate.result().unwrap(),
        };
        document.to_json().unwrap() + "\n"
    }

    fn convert(&self, target: impl Into<Conversion>, compression: Option<Compression>) -> Vec<u8> {
        let mut convert = self.opened().convert(target, compression).unwrap();
        let mut output = Vec::new();
        self.run(&mut convert, |step| match step {
            Step::Bytes(bytes) => output.extend_from_slice(&bytes),
            Step::Hole(len) => output.resize(output.len() + len as usize, 0),
            _ => {}
        });
        output
    }
}

fn stdout(scene: &Scene, line: &str) -> String {
    let outcome = scene.run(line);
    String::from_utf8(outcome.stdout().to_vec()).unwrap()
}

fn check_documents(scene: &Scene, name: &str) {
    let source = Source::open(scene, name);
    let expected = stdout(scene, &format!("info --json {name}"));
    assert_eq!(source.info(), expected, "{name}");
    let expected = stdout(scene, &format!("verify --json {name}"));
    assert_eq!(source.validate(), expected, "{name}");
}

#[test]
fn documents_are_those_of_the_program() {
    let scene = crate::support::small_volume::scene();
    // Two files with the same clusters, a record that is damaged.
    let claiming = |start| FileData::Runs(vec![Run::at(start, 7)]);
    let mut damaged = builder()
        .file("one", claiming(400))
        .file("other", claiming(403))
        .file("torn", FileData::Resident(vec![1]))
        .build();
    let image = image_of(&damaged);
    damaged.tear_record(damaged.mft_records - 1);
    scene.write("damaged", &damaged.bytes);
    scene.write("damaged-image", image);
    let mut without_boot_sector = volume().bytes;
    without_boot_sector[..512].fill(0xFF);
    scene.write("backup", without_boot_sector);
    for line in [
        "-q -m -s -o metadata volume",
        "-q -s --compress -o compressed volume",
        "-q --compress -o compressed-volume volume",
    ] {
        assert_eq!(scene.run(line).code(), Some(0), "{line}");
    }
    // Of several frames, one in the middle is damaged.
    let large = builder().clusters(16_384);
    let large = large.file("large.bin", FileData::Bytes(pattern(3, 12_000_000)));
    scene.write("large", large.build().bytes);
    for line in [
        "-q -s --compress -o frames large",
        "-q --compress -o frames-volume large",
    ] {
        assert_eq!(scene.run(line).code(), Some(0), "{line}");
    }
    for name in ["frames", "frames-volume"] {
        let mut frames = scene.read(name);
        let middle = frames.len() / 2;
        frames[middle] ^= 0x55;
        scene.write(&format!("{name}-damaged"), frames);
    }
    for name in [
        "volume",
        "image",
        "cut",
        "damaged",
        "damaged-image",
        "backup",
        "metadata",
        "compressed",
        "compressed-volume",
        "frames",
        "frames-damaged",
        "frames-volume",
        "frames-volume-damaged",
    ] {
        check_documents(&scene, name);
    }
}

#[test]
fn partitions_are_entered() {
    let volume = volume();
    let scene = Scene::new();
    let partition = |sector, bytes| disk::Partition {
        sector,
        kind: 7,
        bytes,
    };
    let zeros = vec![0; 64 << 10];
    let partitions = [partition(64, &zeros), partition(2048, &volume.bytes)];
    scene.write("mbr", disk::with_mbr(&partitions));
    scene.write("gpt", disk::with_gpt(&partitions));
    for name in ["mbr", "gpt"] {
        let source = Source::open_partition(&scene, name, Some(2)).unwrap();
        let expected = stdout(&scene, &format!("info --json --partition 2 {name}"));
        assert!(expected.contains("\"partition 2\""), "{expected}");
        assert_eq!(source.info(), expected, "{name}");

        let unnamed = Source::open_partition(&scene, name, None).unwrap().info();
        assert!(unnamed.contains("\"partition 2\""), "{unnamed}");
        assert!(unnamed.contains("the only one with NTFS"), "{unnamed}");

        let failure = Source::open_partition(&scene, name, Some(3)).unwrap_err();
        assert_eq!(failure.code(), "no-partition", "{name}");
    }
}

#[test]
fn a_damaged_partition_table_is_reported() {
    let volume = volume();
    let scene = Scene::new();
    let partition = disk::Partition {
        sector: 64,
        kind: 7,
        bytes: &volume.bytes,
    };
    let mut bytes = disk::with_gpt(&[partition]);
    // The name of the partition.
    bytes[2 * 512 + 56] ^= 1;
    scene.write("first", &bytes);
    let backup = bytes.len() - 33 * 512;
    bytes[backup + 56] ^= 2;
    scene.write("both", &bytes);
    for (name, damage) in [("first", Damage::BackupUsed), ("both", Damage::BothDamaged)] {
        let info = Source::open_partition(&scene, name, Some(1))
            .unwrap()
            .info();
        assert!(info.contains(&damage.to_string()), "{info}");
        let expected = stdout(&scene, &format!("info --json --partition 1 {name}"));
        assert_eq!(info, expected, "{name}");
    }
}

#[test]
fn conversions_are_those_of_the_program() {
    let scene = crate::support::small_volume::scene();
    let table = [
        ("volume", &RAW, "-q -o out volume"),
        ("image", &RAW, "-q -r -o out image"),
        ("volume", &NTFSCLONE, "-q -s -o out volume"),
        ("volume", &METADATA, "-q -m -s -o out volume"),
        // The volume that is in the image is that volume.
        ("image", &METADATA, "-q -m -s -o out volume"),
    ];
    for (name, target, line) in table {
        assert_eq!(scene.run(line).code(), Some(0), "{line}");
        let expected = scene.read("out");
        scene.remove("out");
        let source = Source::open(&scene, name);
        assert!(source.convert(target, None) == expected, "{line}");

        let compression = Compression {
            level: 3,
            compressor: Box::new(ZstdCompressor::new(3).unwrap()),
            time: None,
            note: None,
            source: None,
        };
        scene.write("steps", source.convert(target, Some(compression)));
        let decompressed = zstd::decode_all(scene.read("steps").as_slice()).unwrap();
        assert!(decompressed == expected, "{line}");
        // The program takes it for its own.
        let verified = scene.run("verify steps");
        assert!(
            !verified.errors().contains("damaged"),
            "{}",
            verified.errors()
        );
        if target.id != METADATA.id {
            assert_eq!(verified.code(), Some(0), "{line}: {}", verified.errors());
        }
        scene.remove("steps");
    }
}

#[test]
fn disks_are_those_of_the_program() {
    let scene = crate::support::small_volume::scene();
    let tables = [
        ("", None),
        ("--disk=gpt", Some(Partitioning::Gpt)),
        ("--disk=mbr", Some(Partitioning::Mbr)),
        ("--disk=none", Some(Partitioning::None)),
    ];
    for writer in WRITERS.iter().filter(|&&writer| writer != &METADATA) {
        for (option, partitioning) in tables {
            let Some(conversion) = Conversion::new(writer, partitioning) else {
                assert_eq!(writer.disk, DiskSupport::None, "{}", writer.id);
                continue;
            };
            let line = format!("convert {option} --to {} volume out", writer.id);
            scene.run(&line).wrote(&["out"]);
            let expected = scene.read("out");
            scene.remove("out");
            for name in ["volume", "image"] {
                let source = Source::open(&scene, name);
                assert!(
                    source.convert(conversion, None) == expected,
                    "{line}: {name}"
                );
            }
        }
    }
}

/// Memory does not grow with the volume.
#[test]
fn a_large_volume_takes_little_memory() {
    let scene = Scene::new();
    large_volume::write(&scene.path("volume"), 2 << 30);
    let source = Source::open(&scene, "volume");
    let expected = stdout(&scene, "info --json volume");
    assert_eq!(source.info(), expected);
    let mut convert = source.opened().convert(&RAW, None).unwrap();
    let (mut data, mut holes) = (0, 0);
    source.run(&mut convert, |step| match step {
        Step::Bytes(bytes) => data += bytes.len() as u64,
        Step::Hole(len) => holes += len,
        _ => {}
    });
    let size = scene.path("volume").metadata().unwrap().len();
    assert_eq!(data + holes, size);
    assert!(data > 1 << 30, "{data}");
    assert!(source.peak.get() <= 22 << 20, "{}", source.peak.get());
}
