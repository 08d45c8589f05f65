//! One file as others give it to us: compressed, in pieces, in a folder, by the programs that do that.

use super::{program, requirements::Need, scene::Scene};

/// What the shell lines below need.
pub(crate) const WRAPPERS: &[Need] = &[
    Need::Tool("bzip2"),
    Need::Tool("gzip"),
    Need::Tool("lz4"),
    Need::Tool("lzip"),
    Need::Tool("lzop"),
    Need::Tool("split"),
    Need::Tool("xz"),
    Need::Tool("zstd"),
];

pub(crate) struct Wrapping {
    /// Makes it of the file `image`.
    pub(crate) script: &'static str,
    /// What to name then.
    pub(crate) name: &'static str,
    /// What the report says of it.
    pub(crate) layers: &'static str,
}

const fn wrapping(script: &'static str, name: &'static str, layers: &'static str) -> Wrapping {
    Wrapping {
        script,
        name,
        layers,
    }
}

/// In one file, which may come through a pipe.
pub(crate) const COMPRESSED: &[Wrapping] = &[
    wrapping("zstd -qc image > x", "x", "zstd"),
    wrapping("zstd -qc --ultra --long=27 < image > x", "x", "zstd"),
    wrapping(
        "(head -c 70000 image | zstd -qc; printf '\\132\\052\\115\\030\\003\\0\\0\\0abc'; \
         tail -c +70001 image | zstd -qc --no-check) > x",
        "x",
        "zstd",
    ),
    wrapping("gzip -c image > x", "x", "gzip"),
    wrapping(
        "(head -c 70000 image | gzip -c; gzip -c < /dev/null; tail -c +70001 image | gzip -1c) > x",
        "x",
        "gzip",
    ),
    wrapping("xz -c image > x", "x", "xz"),
    wrapping("xz -c -T2 --block-size=30000 image > x", "x", "xz"),
    wrapping(
        "(head -c 70000 image | xz -c; printf '\\0\\0\\0\\0'; tail -c +70001 image | xz -1c) > x",
        "x",
        "xz",
    ),
    wrapping("bzip2 -c image > x", "x", "bzip2"),
    wrapping(
        "(head -c 70000 image | bzip2 -c; tail -c +70001 image | bzip2 -1c) > x",
        "x",
        "bzip2",
    ),
    wrapping("lz4 -qc image > x", "x", "lz4"),
    wrapping("lz4 -qc -BD -B4 --content-size image > x", "x", "lz4"),
    wrapping(
        "(head -c 70000 image | lz4 -qc; tail -c +70001 image | lz4 -qc --no-frame-crc) > x",
        "x",
        "lz4",
    ),
    wrapping("lzop -c image > x", "x", "lzop"),
    wrapping("lzop -9c < image > x", "x", "lzop"),
    wrapping("lzop -1c --crc32 image > x", "x", "lzop"),
    wrapping("lzop -cF image > x", "x", "lzop"),
    wrapping(
        "(head -c 70000 image | lzop -c; tail -c +70001 image | lzop -c) > x",
        "x",
        "lzop",
    ),
    wrapping("lzip -c image > x", "x", "lzip"),
    wrapping("lzip -9c --member-size=100000 < image > x", "x", "lzip"),
    wrapping("lzip -0c -b 100000 image > x", "x", "lzip"),
    wrapping("xz -c --format=lzma image > x", "x", "lzma"),
    wrapping("xz -9c --format=lzma < image > x", "x", "lzma"),
    wrapping("gzip -c image | zstd -qc > x", "x", "zstd, gzip"),
    wrapping("lzop -c image | lzip -c > x", "x", "lzip, lzop"),
];

pub(crate) const IN_PIECES: &[Wrapping] = &[
    wrapping("split -b 90000 image x.", "x.aa", "7 pieces"),
    wrapping("split -b 90000 image x.", "x", "7 pieces"),
    wrapping("split -b 90000 -d -a 3 image x.", "x.000", "7 pieces"),
    // More than there are pairs of letters.
    wrapping("split -b 900 image x.", "x", "689 pieces"),
    wrapping(
        "split -b 90000 --numeric-suffixes=1 -a 3 image x.",
        "x.001",
        "7 pieces",
    ),
    wrapping(
        "gzip -c image > x.gz; split -n 3 x.gz x.gz.; rm x.gz",
        "x.gz.aa",
        "3 pieces, gzip",
    ),
    wrapping(
        "mkdir x; touch x/parts x/clonezilla-img; gzip -c image > x.gz; \
         split -n 3 x.gz x/sda1.ntfs-img.gz.; rm x.gz",
        "x",
        "3 pieces, gzip",
    ),
    wrapping(
        "mkdir x; touch x/parts; zstd -qc image > x/sda1.ntfs-img.zst",
        "x",
        "zstd",
    ),
    // A bundle of Winclone.
    wrapping(
        "mkdir x.winclone; gzip -c image > x.winclone/windows.gz; \
         head -c 512 /dev/urandom > x.winclone/windows.mbr; \
         printf '<?xml?>' > x.winclone/winclone.plist",
        "x.winclone",
        "gzip",
    ),
    wrapping(
        "mkdir x; split -b 90000 image x/image.; cp x/image.ab x/other; echo text > x/info",
        "x",
        "7 pieces",
    ),
];

impl Wrapping {
    pub(crate) fn make(&self, scene: &Scene) {
        shell(scene, self.script);
    }

    pub(crate) fn unmake(&self, scene: &Scene) {
        shell(scene, "rm -rf x x.*");
    }
}

/// Runs a line of the shell in the folder.
pub(crate) fn shell(scene: &Scene, line: &str) {
    let mut command = program::tool("sh", ["-ec", line]);
    command.current_dir(scene.path("."));
    program::succeed(command);
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("to memory");
    encoder.finish().expect("to memory")
}
