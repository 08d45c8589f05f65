//! What the program is asked to do: each option that reads or writes in its own way.

use super::inputs::Inputs;
use std::path::Path;

pub(super) struct Job {
    pub(super) name: &'static str,
    /// The arguments, separated by spaces, run in an empty folder. `IN/` stands for the folder of the inputs,
    /// `DEVICE` for a block device as large as the volume.
    pub(super) line: &'static str,
    /// The input that comes through standard input.
    pub(super) stdin: Option<&'static str>,
    /// Inputs that are copied to the folder before the run, and their names there.
    pub(super) setup: &'static [(&'static str, &'static str)],
    pub(super) product: Product,
    pub(super) content: Content,
}

/// What a run makes, and what a failed run may leave of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    /// A report on standard output.
    Report,
    /// An exit status.
    Verdict,
    /// Data on standard output.
    Stdout,
    /// A new file, or nothing.
    New(&'static str),
    /// A new file in place of the old one, or the old one.
    Replaced(&'static str),
    /// A file that is half written after a failure, which is said.
    InPlace(&'static str),
    /// The same of a block device.
    Device,
    /// A raw file, kept after a failure under a name that is said, with a map.
    Kept(&'static str),
    /// A raw file that later runs go on with, by the map `map`.
    Mapped(&'static str),
}

/// What a complete product holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// What is in use of the volume; zeros elsewhere, or what a device held.
    Clone,
    /// The same with another serial number.
    NewSerial,
    Image,
    /// What zstd makes an image of.
    CompressedImage,
    CompressedClone,
    /// The same as without a fault.
    AsClean,
    /// A compressed stream of the same bytes as without a fault.
    CompressedAsClean,
}

const NO_SETUP: &[(&str, &str)] = &[];
const OLD: &[(&str, &str)] = &[("old", "out")];
const HALF: &[(&str, &str)] = &[("half.raw", "out"), ("half.map", "map")];

const fn job(name: &'static str, line: &'static str, product: Product, content: Content) -> Job {
    let setup = match product {
        Product::Replaced(_) | Product::InPlace(_) => OLD,
        _ => NO_SETUP,
    };
    Job {
        name,
        line,
        stdin: None,
        setup,
        product,
        content,
    }
}

const fn report(name: &'static str, line: &'static str) -> Job {
    job(name, line, Product::Report, Content::AsClean)
}

const NEW: Product = Product::New("out");
const REPLACED: Product = Product::Replaced("out");
const IN_PLACE: Product = Product::InPlace("out");
const KEPT: Product = Product::Kept("out");
const MAPPED: Product = Product::Mapped("out");

pub(super) static JOBS: &[Job] = &[
    job("save", "-s -o out IN/volume", NEW, Content::Image),
    job(
        "save-replace",
        "-s -O out IN/volume",
        REPLACED,
        Content::Image,
    ),
    job(
        "save-stdout",
        "-s -o - IN/volume",
        Product::Stdout,
        Content::Image,
    ),
    job(
        "save-checksum",
        "-s --checksum -o out IN/volume",
        NEW,
        Content::Image,
    ),
    job(
        "save-checksum-replace",
        "-s --checksum -O out IN/volume",
        REPLACED,
        Content::Image,
    ),
    job(
        "save-verify",
        "-s --verify -o out IN/volume",
        NEW,
        Content::Image,
    ),
    job(
        "save-direct",
        "-s --direct -o out IN/volume",
        NEW,
        Content::Image,
    ),
    job(
        "compress",
        "-s --compress -o out IN/volume",
        NEW,
        Content::CompressedImage,
    ),
    job(
        "compress-checksum",
        "-s --compress --checksum -O out IN/volume",
        REPLACED,
        Content::CompressedImage,
    ),
    job(
        "compress-stdout",
        "--compress -o - IN/volume",
        Product::Stdout,
        Content::CompressedClone,
    ),
    job("clone", "-o out IN/volume", NEW, Content::Clone),
    job(
        "clone-replace",
        "-O out IN/volume",
        REPLACED,
        Content::Clone,
    ),
    job(
        "clone-in-place",
        "-O out --in-place IN/volume",
        IN_PLACE,
        Content::Clone,
    ),
    job(
        "clone-sparse",
        "--sparse --verify -o out IN/volume",
        NEW,
        Content::Clone,
    ),
    job(
        "clone-stdout",
        "-o - IN/volume",
        Product::Stdout,
        Content::Clone,
    ),
    job(
        "clone-device",
        "-O DEVICE IN/volume",
        Product::Device,
        Content::Clone,
    ),
    job(
        "clone-device-verify",
        "--verify -O DEVICE IN/volume",
        Product::Device,
        Content::Clone,
    ),
    job(
        "clone-serial",
        "--new-serial -O out IN/volume",
        REPLACED,
        Content::NewSerial,
    ),
    job("metadata", "-m -o out IN/volume", NEW, Content::AsClean),
    job(
        "metadata-image",
        "-m -s -O out IN/volume",
        REPLACED,
        Content::AsClean,
    ),
    job(
        "metadata-compress",
        "-m -s --compress -o out IN/volume",
        NEW,
        Content::CompressedAsClean,
    ),
    job("restore", "-r -o out IN/image", NEW, Content::Clone),
    job(
        "restore-replace",
        "-r -O out IN/image",
        REPLACED,
        Content::Clone,
    ),
    job(
        "restore-in-place",
        "-r -O out --in-place IN/image",
        IN_PLACE,
        Content::Clone,
    ),
    job(
        "restore-device",
        "-r -O DEVICE IN/image",
        Product::Device,
        Content::Clone,
    ),
    job(
        "restore-device-discard",
        "-r --discard -O DEVICE IN/image.zst",
        Product::Device,
        Content::Clone,
    ),
    job(
        "restore-serial",
        "-r --new-serial -O out IN/image",
        REPLACED,
        Content::NewSerial,
    ),
    job("restore-zst", "-r -o out IN/image.zst", NEW, Content::Clone),
    job(
        "restore-gz",
        "-r --checksum -o out IN/image.gz",
        NEW,
        Content::Clone,
    ),
    job(
        "restore-stdout",
        "-r -o - IN/image",
        Product::Stdout,
        Content::Clone,
    ),
    Job {
        stdin: Some("image"),
        ..job("restore-stdin", "-r -o out -", NEW, Content::Clone)
    },
    Job {
        stdin: Some("image.gz"),
        ..job(
            "restore-stdin-device",
            "-r -O DEVICE -",
            Product::Device,
            Content::Clone,
        )
    },
    job(
        "check",
        "-r -n IN/image",
        Product::Verdict,
        Content::AsClean,
    ),
    job(
        "check-gz",
        "-r -n IN/image.gz",
        Product::Verdict,
        Content::AsClean,
    ),
    job("rescue", "--rescue -o out IN/volume", KEPT, Content::Clone),
    job(
        "rescue-report",
        "--rescue --report report -o out IN/volume",
        KEPT,
        Content::Clone,
    ),
    job(
        "rescue-image",
        "--rescue -s -o out IN/volume",
        NEW,
        Content::Image,
    ),
    job(
        "rescue-map",
        "--rescue --retries 1 --mapfile map -o out IN/volume",
        MAPPED,
        Content::Clone,
    ),
    Job {
        setup: HALF,
        ..job(
            "rescue-resume",
            "--rescue --mapfile map --report report -o out IN/volume",
            MAPPED,
            Content::Clone,
        )
    },
    report("verify", "verify IN/image"),
    report("verify-json", "verify --json IN/image.zst"),
    report("verify-gz", "verify IN/image.gz"),
    report("verify-volume", "verify IN/volume"),
    report(
        "verify-against",
        "verify --json IN/image --against IN/volume",
    ),
    Job {
        setup: &[("image", "image")],
        ..job(
            "verify-index",
            "verify --index image",
            Product::New("image.index"),
            Content::AsClean,
        )
    },
    report("info", "info IN/image"),
    report("info-json", "info --json IN/volume"),
    report("map", "map IN/volume"),
    report("map-json", "map --format json IN/volume"),
    job("map-file", "map -o out IN/volume", NEW, Content::AsClean),
    job(
        "map-bmap",
        "map --format bmap -o out IN/volume",
        NEW,
        Content::AsClean,
    ),
];

impl Job {
    pub(super) fn needs_device(&self) -> bool {
        self.product == Product::Device
    }

    pub(super) fn is_rescue(&self) -> bool {
        self.line.contains("--rescue")
    }

    /// Whether a checksum must stand beside the product.
    pub(super) fn has_checksum(&self) -> bool {
        self.line.contains("--checksum")
    }

    /// The name of the product, if it is a file.
    pub(super) fn file(&self) -> Option<&'static str> {
        match self.product {
            Product::Report | Product::Verdict | Product::Stdout | Product::Device => None,
            Product::New(name)
            | Product::Replaced(name)
            | Product::InPlace(name)
            | Product::Kept(name)
            | Product::Mapped(name) => Some(name),
        }
    }

    pub(super) fn arguments(&self, inputs: &Path, device: &Path) -> Vec<String> {
        let words = self.line.split(' ');
        words
            .map(|word| match (word, word.strip_prefix("IN/")) {
                ("DEVICE", _) => device.display().to_string(),
                (_, Some(name)) => inputs.join(name).display().to_string(),
                _ => word.to_owned(),
            })
            .collect()
    }
}

impl Content {
    /// What the raw bytes are compared with, `None` if they must be those of a run without faults.
    pub(super) fn expected(self, inputs: &Inputs) -> Option<&[u8]> {
        match self {
            Self::Clone | Self::CompressedClone | Self::NewSerial => Some(&inputs.clone),
            Self::Image | Self::CompressedImage => Some(&inputs.image),
            Self::AsClean | Self::CompressedAsClean => None,
        }
    }

    pub(super) fn is_compressed(self) -> bool {
        matches!(
            self,
            Self::CompressedImage | Self::CompressedClone | Self::CompressedAsClean
        )
    }
}
