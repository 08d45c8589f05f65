//! The files that every run reads, and what the copies of them must be, worked out without the program.

use super::mapfile::Mapfile;
use crate::step;
use anyhow::{Context, Result, ensure};
use ntfs_volume_builder::{FileData, Volume, VolumeBuilder, attribute_type, pattern};
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The unit in which a rescue marks what could not be read.
pub(super) const SECTOR: usize = 512;

pub(super) struct Inputs {
    pub(super) folder: PathBuf,
    /// The device, byte by byte.
    pub(super) volume: Vec<u8>,
    /// A raw clone: zeros where nothing is used.
    pub(super) clone: Vec<u8>,
    pub(super) image: Vec<u8>,
    /// Byte ranges that a copy must hold, in order.
    pub(super) used: Vec<Range<usize>>,
    /// The content of a file or device that is overwritten.
    pub(super) old: Vec<u8>,
    /// Parts of the volume that a disk may lose, and what is in them.
    pub(super) parts: Vec<(&'static str, Range<u64>)>,
}

impl Inputs {
    /// Writes the inputs to `folder`. The compressed ones are made by zstd and gzip, if they are installed, and by
    /// `program`.
    pub(super) fn write(folder: &Path, program: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let volume = build_volume();
        let used = used_ranges(&volume);
        let mut clone = vec![0; volume.bytes.len()];
        for range in &used {
            clone[range.clone()].copy_from_slice(&volume.bytes[range.clone()]);
        }
        let inputs = Self {
            parts: parts_of(&volume),
            folder: folder.to_owned(),
            image: image_of(&volume),
            old: b"old content\n".repeat(volume.bytes.len() / 12 + 1)[..volume.bytes.len()]
                .to_vec(),
            volume: volume.bytes,
            clone,
            used,
        };
        for (name, bytes) in [
            ("volume", &inputs.volume),
            ("image", &inputs.image),
            ("old", &inputs.old),
        ] {
            fs::write(folder.join(name), bytes)?;
        }
        for (tool, name) in [("gzip", "image.gz"), ("zstd", "image.plain.zst")] {
            compress(tool, folder, name)?;
        }
        inputs.run(program, "-s --compress -o image.zst volume")?;
        inputs.write_half_a_rescue(program)?;
        Ok(inputs)
    }

    /// A rescue that was interrupted in the middle: `half.raw` and `half.map`.
    fn write_half_a_rescue(&self, program: &Path) -> Result<()> {
        self.run(program, "--rescue --mapfile half.map -o half.raw volume")?;
        let map_path = self.folder.join("half.map");
        let middle = self.volume.len() / 2 / SECTOR * SECTOR;
        let map = Mapfile::parse(&fs::read_to_string(&map_path)?)?;
        fs::write(map_path, map.forget_after(middle as u64).to_text())?;
        let raw_path = self.folder.join("half.raw");
        let mut raw = fs::read(&raw_path)?;
        raw[middle..].fill(0);
        fs::write(raw_path, raw)?;
        Ok(())
    }

    /// Bytes of an input.
    pub(super) fn len(&self, name: &str) -> u64 {
        fs::metadata(self.folder.join(name)).map_or(0, |input| input.len())
    }

    fn run(&self, program: &Path, line: &str) -> Result<()> {
        let files = line
            .split(' ')
            .filter(|word| word.starts_with("half.") || *word == "image.zst");
        for file in files {
            let _ = fs::remove_file(self.folder.join(file));
        }
        let mut command = Command::new(program);
        command.args(line.split(' ')).current_dir(&self.folder);
        step::read(&mut command).with_context(|| format!("the inputs: {line}"))?;
        Ok(())
    }
}

/// 8 MiB, of which 5 are used: several batches of the program, two frames of a compressed image.
fn build_volume() -> Volume {
    let words = b"the quick brown fox jumps over the lazy dog. ".repeat(2000);
    VolumeBuilder::new()
        .label("FAULTS")
        .clusters(2047)
        // Not zero: a copy of what is free shows.
        .fill_free(0xe5)
        .file("docs/hello.txt", FileData::Resident(b"hello".to_vec()))
        .file(
            "docs/pieces.bin",
            FileData::Fragmented {
                bytes: pattern(1, 600_000),
                pieces: 40,
            },
        )
        .file("docs/words.txt", FileData::Compressed(words))
        .file("zeros.bin", FileData::Bytes(vec![0; 700_000]))
        .file("big.bin", FileData::Bytes(pattern(2, 3_500_000)))
        .build()
}

/// One sector or more of each structure, and of content.
fn parts_of(volume: &Volume) -> Vec<(&'static str, Range<u64>)> {
    const DATA: u32 = attribute_type::DATA;
    let sector = SECTOR as u64;
    let sectors = |start: u64, count: u64| start..start + count * sector;
    let end = volume.bytes.len() as u64;
    let big = volume.record_number("big.bin");
    let content = volume.stream_offset(big, DATA, "", 0);
    vec![
        ("the boot sector", sectors(0, 1)),
        ("the backup boot sector", sectors(end - sector, 1)),
        ("record 0", sectors(volume.record_offset(0), 2)),
        (
            "the record of a file",
            sectors(volume.record_offset(big), 1),
        ),
        ("$MFTMirr", sectors(volume.mirror_record_offset(0), 2)),
        ("$Bitmap", sectors(volume.stream_offset(6, DATA, "", 0), 1)),
        ("content", sectors(content + 5 * sector, 1)),
        ("much content", sectors(content + 200 * sector, 1000)),
        (
            "the second half",
            sectors(end / 2 / sector * sector, end.div_ceil(2) / sector),
        ),
    ]
}

fn used_ranges(volume: &Volume) -> Vec<Range<usize>> {
    let size = volume.geometry.cluster_size as usize;
    let clusters = volume.used.iter();
    let clusters = clusters.map(|run| run.start as usize * size..run.end as usize * size);
    let tail = volume.geometry.volume_size() as usize..volume.bytes.len();
    clusters.chain([tail]).collect()
}

/// An image of version 10.1: a header of 56 bytes, then a command for each cluster and each gap.
fn image_of(volume: &Volume) -> Vec<u8> {
    let geometry = &volume.geometry;
    let mut image = b"\0ntfsclone-image\x0a\x01".to_vec();
    image.extend(geometry.cluster_size.to_le_bytes());
    image.extend(geometry.device_size().to_le_bytes());
    image.extend(geometry.clusters.to_le_bytes());
    image.extend((volume.used_clusters().count() as u64).to_le_bytes());
    image.extend(56_u32.to_le_bytes());
    image.resize(56, 0);
    let size = geometry.cluster_size as usize;
    let mut position = 0;
    for cluster in volume.used_clusters().chain([geometry.clusters]) {
        if cluster != position {
            image.push(0);
            image.extend((cluster - position).to_le_bytes());
        }
        let at = cluster as usize * size;
        image.push(1);
        image.extend(&volume.bytes[at..volume.bytes.len().min(at + size)]);
        position = cluster + 1;
    }
    image
}

/// Compresses `image` with a tool of that name.
fn compress(tool: &str, folder: &Path, name: &str) -> Result<()> {
    let output = Command::new(tool)
        .args(["-q", "-c", "image"])
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {tool}"))?;
    ensure!(output.status.success(), "{tool}: {}", output.status);
    fs::write(folder.join(name), output.stdout)?;
    Ok(())
}
