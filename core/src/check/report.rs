//! All that a check found, for people and programs.

use alloc::string::String;
use alloc::vec::Vec;

use super::code::Severity;
use super::finding::{Finding, Findings, Place};
use super::volume::VolumeCheck;
use crate::io::ReadAt;

/// A report as programs read it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "VerifyReport"))]
pub struct Document<'a> {
    /// What was checked.
    pub source: String,
    /// What it was compared with, if it was.
    pub against: Option<String>,
    /// Bytes of the volume that were compared.
    pub compared: Option<u64>,
    /// What was found.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub report: &'a Report,
}

#[cfg(feature = "serde")]
impl Document<'_> {
    /// As it is printed.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Memory`].
    pub fn to_json(&self) -> crate::Result<String> {
        crate::info::to_json(self)
    }
}

/// Whether an image or volume is sound, and all that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Report {
    /// No finding is an error.
    pub sound: bool,
    /// How much of an image was looked at; none of a volume.
    pub image: Option<ImageChecked>,
    /// How much of the NTFS was looked at; none where that could not be done.
    pub volume: Option<VolumeChecked>,
    /// What the content was compared with, such as `sha256`.
    pub checksums: Vec<String>,
    /// How many findings are errors.
    pub errors: u64,
    /// How many are warnings.
    pub warnings: u64,
    /// How many are notes.
    pub notes: u64,
    /// The gravest first; at most 1000 of each severity.
    pub findings: Vec<Finding>,
    /// The paths of all files with something wrong, in alphabetical order.
    pub files: Vec<String>,
    /// Parts of files with something wrong that are too many to list.
    pub files_left_out: u64,
}

/// How much of an image was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ImageChecked {
    /// Bytes of the image, decompressed.
    pub bytes: u64,
    /// Clusters in it, each counted once.
    pub clusters: u64,
}

/// How much of a volume was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct VolumeChecked {
    /// Files and directories in use.
    pub files: u64,
    /// Clusters in use.
    pub clusters: u64,
}

impl Report {
    /// The same, of a volume itself: nothing is to be restored first.
    pub fn on_volume(mut self) -> Self {
        for finding in &mut self.findings {
            finding.advice = finding.code.advice_on_volume();
        }
        self
    }

    /// The same, with the place in the image, or on the disk, of what was found on
    /// `volume`, which is read from there.
    pub fn with_stored_places(mut self, volume: &dyn ReadAt) -> Self {
        let is_image = self.image.is_some();
        for finding in &mut self.findings {
            let Some(Place::Volume { offset, .. }) = finding.place else {
                continue;
            };
            finding.also_at = volume.stored_at(offset).map(|offset| match is_image {
                true => Place::Image { offset },
                false => Place::Disk { offset },
            });
        }
        self
    }

    /// Of what was found in an image, if there is one, and in the volume, if
    /// that could be looked at.
    pub fn new(
        mut findings: Findings,
        image: Option<ImageChecked>,
        volume: Option<VolumeCheck>,
        checksums: Vec<String>,
    ) -> Self {
        let mut files = Vec::new();
        let mut files_left_out = 0;
        let volume = volume.map(|check| {
            findings.append(check.findings);
            files = check.files;
            files_left_out = check.files_left_out;
            VolumeChecked {
                files: check.files_checked,
                clusters: check.clusters_in_use,
            }
        });
        Self {
            sound: findings.is_sound(),
            image,
            volume,
            checksums,
            errors: findings.count(Severity::Error),
            warnings: findings.count(Severity::Warning),
            notes: findings.count(Severity::Note),
            findings: findings.into_sorted(),
            files,
            files_left_out,
        }
    }
}
