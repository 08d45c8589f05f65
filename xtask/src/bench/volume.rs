//! The volumes that are measured: made once with mkntfs and ntfs-3g, then kept under target/bench.

use super::contents;
use crate::{mount::Mount, setup, step};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;
use std::{
    fs::{self, File},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    process::Command,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// 3 GiB in large files
    Bulk,
    /// 150 000 small files
    Small,
    /// Files in thousands of pieces, in clusters of 1 KiB; free space in pieces too
    Fragmented,
    /// 1 TiB, of which 2 GiB are in use
    Sparse,
    /// 16 TiB with little in it
    Giant,
}

/// How to make a volume. Sizes are in bytes.
struct Recipe {
    size: u64,
    cluster_size: u64,
    fill: fn(&Path, u64) -> Result<()>,
    /// In bytes or files, as `fill` takes it.
    amount: u64,
}

#[derive(Clone, Serialize)]
pub(super) struct Volume {
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) cluster_size: u64,
    pub(super) clusters: u64,
    /// What the file takes on the disk: as good as what is used of the volume.
    pub(super) used: u64,
    #[serde(skip)]
    pub(super) path: PathBuf,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Small => "small",
            Self::Fragmented => "fragmented",
            Self::Sparse => "sparse",
            Self::Giant => "giant",
        }
    }

    fn recipe(self) -> Recipe {
        match self {
            Self::Bulk => Recipe {
                size: 6 * GIB,
                cluster_size: 4 * KIB,
                fill: contents::large_files,
                amount: 3 * GIB,
            },
            Self::Small => Recipe {
                size: 2 * GIB,
                cluster_size: 4 * KIB,
                fill: contents::small_files,
                amount: 150_000,
            },
            Self::Fragmented => Recipe {
                size: GIB,
                cluster_size: KIB,
                fill: contents::fragmented_files,
                amount: 320 * MIB,
            },
            Self::Sparse => Recipe {
                size: 1 << 40,
                cluster_size: 4 * KIB,
                fill: contents::large_files,
                amount: 2 * GIB,
            },
            Self::Giant => Recipe {
                // The longest file of the common Linux filesystems, to within a few clusters.
                size: (16 << 40) - 64 * KIB,
                cluster_size: 4 * KIB,
                fill: contents::few_bytes_far_apart,
                amount: 1000,
            },
        }
    }

    /// None for the giant: what is slow about it is its size.
    fn quick_recipe(self) -> Option<Recipe> {
        let recipe = self.recipe();
        let [size, amount] = match self {
            Self::Bulk => [128 * MIB, 64 * MIB],
            Self::Small => [48 * MIB, 2000],
            Self::Fragmented => [32 * MIB, 8 * MIB],
            Self::Sparse => [16 * GIB, 16 * MIB],
            Self::Giant => return None,
        };
        Some(Recipe {
            size,
            amount,
            ..recipe
        })
    }
}

impl Recipe {
    fn make(&self, path: &Path) -> Result<()> {
        File::create(path)?.set_len(self.size)?;
        let program = setup::find("mkntfs").context("mkntfs is missing")?;
        step::run(
            Command::new(program)
                .args(["--quick", "--force", "--quiet", "--sector-size", "512"])
                .args(["--cluster-size", &self.cluster_size.to_string()])
                // A volume in a file has no place on a disk: any answer spares warnings.
                .args(["--partition-start", "0", "--heads", "255"])
                .args(["--sectors-per-track", "63"])
                .arg(path),
        )?;
        let mount = Mount::new(Command::new("ntfs-3g"), path)?;
        (self.fill)(mount.path(), self.amount)?;
        mount.unmount()
    }
}

impl Volume {
    /// Made now, unless it was made before. `None` where a quick run has no volume of the kind.
    pub(super) fn get(kind: Kind, quick: bool) -> Result<Option<Self>> {
        let (recipe, folder) = match quick {
            true => (kind.quick_recipe(), "quick"),
            false => (Some(kind.recipe()), "volumes"),
        };
        let Some(recipe) = recipe else {
            return Ok(None);
        };
        let folder = step::target_directory().join("bench").join(folder);
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.ntfs", kind.name()));
        if !path.exists() {
            println!("bench: making {}, for this and later runs", path.display());
            let unfinished = path.with_extension("unfinished");
            recipe
                .make(&unfinished)
                .with_context(|| format!("cannot make the volume {}", kind.name()))?;
            fs::rename(&unfinished, &path)?;
        }
        Self::open(kind, path).map(Some)
    }

    fn open(kind: Kind, path: PathBuf) -> Result<Self> {
        let file = File::open(&path)?;
        let mut boot = [0; 512];
        file.read_exact_at(&mut boot, 0)?;
        ensure!(&boot[3..7] == b"NTFS", "{}: no NTFS", path.display());
        let sector_size = u64::from(u16::from_le_bytes([boot[0x0b], boot[0x0c]]));
        let cluster_size = sector_size * u64::from(boot[0x0d]);
        let sectors = u64::from_le_bytes(boot[0x28..0x30].try_into()?);
        let metadata = file.metadata()?;
        Ok(Self {
            kind,
            size: metadata.len(),
            cluster_size,
            clusters: sectors * sector_size / cluster_size,
            used: metadata.blocks() * 512,
            path,
        })
    }
}
