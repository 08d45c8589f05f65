//! What can be told of a volume at a glance, whatever its size: nothing is
//! read but a few records, `$MFT`'s bitmap and `$Bitmap`; and `$MFT`, if it is small.

#[cfg(feature = "serde")]
mod json;
mod look;
mod usage;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[cfg(feature = "serde")]
pub use json::Made;
#[cfg(feature = "serde")]
pub(crate) use json::to_json;
pub use look::VolumeLook;
pub use usage::{BadClusters, Run, Usage};

#[cfg(feature = "serde")]
use crate::check::trailing_message;
use crate::error::Result;
#[cfg(feature = "serde")]
use crate::error::{Error, with_causes};
use crate::image::Index;
use crate::image::ntfsclone::Header;
#[cfg(feature = "serde")]
use crate::image::seekable::{EndDamage, Summary};
use crate::io::ReadAt;
use crate::ntfs::{Unclean, Volume};

/// Parts of the map of a volume: blocks in a line of a terminal.
pub const MAP_PARTS: usize = 64;

/// All that is told of an image or volume at a glance, for programs.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "Info"))]
pub struct Document {
    /// What it is called.
    pub source: String,
    /// Bytes of the file or files; none of a pipe.
    pub size: Option<u64>,
    /// What it is.
    pub format: Format,
    /// What it is within, from the outside in.
    pub layers: Vec<String>,
    /// When and from what it was made, where that is told.
    #[cfg(feature = "serde")]
    #[cfg_attr(feature = "typescript", ts(type = "JsonValue | null"))]
    pub made: Option<Made>,
    /// The header of the image, if it is one.
    pub image: Option<ImageSummary>,
    /// The volume, as far as it can be told.
    pub volume: Option<VolumeSummary>,
    /// What could not be told, and why.
    pub warnings: Vec<String>,
}

/// What can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Format {
    /// An image of ntfsclone.
    #[cfg_attr(feature = "serde", serde(rename = "ntfsclone-image"))]
    Image,
    /// The bytes of an NTFS volume.
    #[cfg_attr(feature = "serde", serde(rename = "ntfs-volume"))]
    Volume,
}

#[cfg(feature = "serde")]
impl Document {
    /// Takes what is wrong behind the frames of a compressed image.
    pub fn tell_end_damage(&mut self, damage: &EndDamage) {
        let table = damage.table.as_ref().map(|error| with_causes(error));
        let trailing = damage.trailing.as_ref().map(trailing_message);
        self.warnings.extend(table.into_iter().chain(trailing));
    }

    /// Takes what a compressed image tells of itself.
    pub fn tell_made(&mut self, summary: Result<Option<&Summary>, &Error>) {
        let facts = match summary {
            Ok(summary) => summary.and_then(Summary::facts),
            Err(error) => {
                self.warnings.push(with_causes(error));
                return;
            }
        };
        match facts.map(Made::parse).transpose() {
            Ok(facts) => self.made = facts,
            Err(error) => {
                let warning = alloc::format!("what it tells of itself: {error}");
                self.warnings.push(warning);
            }
        }
    }

    /// As it is printed.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub fn to_json(&self) -> Result<String> {
        json::document_to_json(self)
    }
}

/// An image of so many bytes is read to its end, if that is needed to tell what
/// it holds: that takes less than a second.
pub const READ_AT_ONCE: u64 = 256 << 20;

/// What is said where nothing of the volume in an image of `size` bytes can be
/// told at once.
pub fn why_nothing_is_told(size: u64) -> &'static str {
    match size {
        ..=READ_AT_ONCE => {
            "it is damaged: of the volume nothing can be told; verify reads all of it, and says \
             where"
        }
        _ => {
            "it is damaged, or no ordinary image, and too large to be read at once: of the volume \
             nothing can be told; verify reads all of it"
        }
    }
}

/// The header of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ImageSummary {
    /// Version of the format, such as `10.1`.
    pub version: String,
    /// Bytes of a cluster.
    pub cluster_size: u32,
    /// Bytes of the partition or file that was read.
    pub device_size: u64,
    /// Clusters of the volume.
    pub clusters: u64,
    /// Clusters in the image, as its header says.
    pub clusters_in_use: u64,
    /// Whether it holds metadata only; none where that was not looked at.
    pub is_metadata: Option<bool>,
}

impl ImageSummary {
    /// Of a header, and, if it is known, where the clusters are.
    pub fn new(header: &Header, index: Option<&Index>) -> Self {
        Self {
            version: header.version.to_string(),
            cluster_size: header.cluster_size,
            device_size: header.device_size,
            clusters: header.nr_clusters,
            clusters_in_use: header.inuse,
            is_metadata: index.map(|index| !index.is_ordinary()),
        }
    }
}

/// A volume at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct VolumeSummary {
    /// Version of NTFS, such as `3.1`; none where `$Volume` is damaged, like
    /// the next two.
    pub ntfs_version: Option<String>,
    /// The label; empty if there is none.
    pub label: Option<String>,
    /// Marked by Windows: not unmounted cleanly, or has errors.
    pub is_dirty: Option<bool>,
    /// Whether Windows is hibernated on it; none where that cannot be told.
    pub is_hibernated: Option<bool>,
    /// Why the volume is not clean, beside the two before; none where `$Volume` or
    /// the journal cannot be read.
    pub unclean: Option<Vec<Unclean>>,
    /// 16 hexadecimal digits.
    pub serial: String,
    /// Bytes of a sector.
    pub sector_size: u32,
    /// Bytes of a cluster.
    pub cluster_size: u32,
    /// Bytes of a record of `$MFT`.
    pub mft_record_size: u32,
    /// Bytes of a block of a directory index.
    pub index_record_size: u32,
    /// Bytes of the volume, without the backup boot sector.
    pub size: u64,
    /// Whole clusters.
    pub clusters: u64,
    /// Where `$MFT` begins, in clusters.
    pub mft_lcn: u64,
    /// The first boot sector is damaged; the backup was used.
    pub is_from_backup_boot_sector: bool,
    /// How full it is; none where `$Bitmap` is damaged.
    pub usage: Option<Usage>,
    /// The least bytes of the volume in another size, with its backup boot sector; none where
    /// `$Bitmap` or `$BadClus` is damaged.
    pub least_size: Option<u64>,
    /// Clusters that are marked as bad; none where `$BadClus` is damaged.
    pub bad: Option<BadClusters>,
    /// Records of `$MFT`.
    pub records: u64,
    /// Records in use, those of the file system and extension records among
    /// them; none where `$MFT`'s bitmap is damaged.
    pub records_in_use: Option<u64>,
    /// Files and directories, those of the file system among them; none where
    /// there are too many records to count them at once.
    pub files: Option<u64>,
}

impl VolumeSummary {
    /// Looks at a volume. `parts` are those of [`Usage::map`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Memory`]. What is damaged is left out.
    pub fn read<R: ReadAt>(volume: &Volume<R>, parts: usize) -> Result<Self> {
        let mut look = VolumeLook::new(parts);
        loop {
            if let Some(summary) = look.step(volume)? {
                return Ok(summary);
            }
        }
    }
}
