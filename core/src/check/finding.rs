//! What was found to be wrong.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error;

use super::code::{Code, Effect, Severity};
use super::touched::Touched;
use crate::clusters::finding::MAX_LISTED;
use crate::error::with_causes;
use crate::ntfs::file_name::FileName;
use crate::ntfs::mft::RECORD_ROOT;
use crate::sorted::sorted;
use crate::units::{Extent, Lcn, RecordNumber, len_u64};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Finding {
    /// Which kind.
    pub code: Code,
    /// How grave.
    pub severity: Severity,
    /// What becomes of data.
    pub effect: Effect,
    /// The MFT record concerned, if it is one.
    #[cfg_attr(feature = "typescript", ts(type = "number | null"))]
    pub record: Option<u64>,
    /// Where, if it is at one place.
    #[cfg_attr(feature = "serde", serde(flatten))]
    // There is no type of what may be missing as a whole: it stands beside.
    #[cfg_attr(feature = "typescript", ts(skip))]
    pub place: Option<Place>,
    /// The same place in the other count, if it is known: in the image or on the
    /// disk of a place on the volume, on the volume of one in the image.
    pub also_at: Option<Place>,
    /// What was found, in a sentence.
    pub message: String,
    /// What that means: [`Code::meaning`].
    pub meaning: &'static str,
    /// What Windows and Linux do with such a volume: [`Code::systems`]. `None`
    /// where they do not get to see it.
    pub systems: Option<&'static str>,
    /// What to do about it: [`Code::advice`].
    pub advice: &'static str,
    /// The files that it touches, or some of them.
    pub files: Vec<String>,
    /// The directory in whose index the first of `files` stands, if only a name
    /// is known of it yet.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) named_in: Option<RecordNumber>,
}

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "serde", serde(tag = "in", rename_all = "lowercase"))]
pub enum Place {
    /// In the image, decompressed.
    Image {
        /// In bytes from its start.
        offset: u64,
    },
    /// On the disk that the volume is a partition of, as its guest sees it if it
    /// is a virtual one.
    Disk {
        /// In bytes from its start.
        offset: u64,
    },
    /// On the volume.
    Volume {
        /// In bytes from its start.
        offset: u64,
        /// How many bytes are concerned, if that is known.
        length: Option<u64>,
    },
}

impl Finding {
    /// Something that a message tells of, touching no file that is known.
    pub fn new(code: Code, place: Option<Place>, message: impl ToString) -> Self {
        Self {
            code,
            severity: code.severity(),
            effect: code.effect(),
            record: None,
            place,
            also_at: None,
            message: message.to_string(),
            meaning: code.meaning(),
            systems: code.systems(),
            advice: code.advice(),
            files: Vec::new(),
            named_in: None,
        }
    }

    /// Something wrong with a record, or with what belongs to its file, at a
    /// byte of the volume.
    pub(super) fn of_record(
        code: Code,
        record: RecordNumber,
        offset: Option<u64>,
        what: &str,
    ) -> Self {
        let place = offset.map(|offset| Place::Volume {
            offset,
            length: None,
        });
        let mut finding = Self::new(code, place, what);
        finding.record = Some(record.0);
        finding.message = alloc::format!("MFT record {record}: {}", finding.message);
        finding
    }

    /// Notes that the index of a directory names the file.
    pub(super) fn set_entry(&mut self, directory: RecordNumber, name: &FileName<'_>) {
        self.named_in = Some(directory);
        self.files = alloc::vec![name.to_text()];
    }

    /// Something that an error and its causes tell of.
    pub fn of_error(code: Code, place: Option<Place>, error: &dyn Error) -> Self {
        Self::new(code, place, with_causes(error))
    }
}

impl Place {
    /// From a cluster of `cluster_size` bytes on.
    pub(super) fn at_cluster(lcn: Lcn, cluster_size: u32) -> Self {
        Self::Volume {
            offset: lcn.0.saturating_mul(cluster_size.into()),
            length: None,
        }
    }

    /// Of clusters that are `cluster_size` bytes each.
    pub(super) fn of_clusters(extent: Extent, cluster_size: u32) -> Self {
        Self::Volume {
            offset: extent.start.0.saturating_mul(cluster_size.into()),
            length: Some(extent.len.saturating_mul(cluster_size.into())),
        }
    }
}

/// The first findings of each severity, at most 1000, and how many there were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    listed: Vec<Finding>,
    errors: u64,
    warnings: u64,
    notes: u64,
}

impl Findings {
    /// Notes a finding.
    pub fn push(&mut self, finding: Finding) {
        let count = self.count_mut(finding.severity);
        *count = count.saturating_add(1);
        if *count <= len_u64(MAX_LISTED) {
            self.listed.push(finding);
        }
    }

    /// Notes a [`Finding::of_record`].
    // Not inlined, for the size of the module: it has many callers.
    #[inline(never)]
    pub(super) fn report(
        &mut self,
        code: Code,
        record: RecordNumber,
        offset: Option<u64>,
        what: &str,
    ) {
        self.push(Finding::of_record(code, record, offset, what));
    }

    /// Notes where on the volume the image cannot be followed any further.
    pub(super) fn note_lost_from(&mut self, lost: Lcn, cluster_size: u32) {
        let is_end =
            |one: &&mut Finding| matches!(one.code, Code::ImageCommand | Code::ImageTruncated);
        for finding in self.listed.iter_mut().filter(is_end) {
            finding.also_at = Some(Place::at_cluster(lost, cluster_size));
        }
    }

    /// Counts findings of a kind that are not listed.
    pub(super) fn count_more(&mut self, code: Code, more: u64) {
        let count = self.count_mut(code.severity());
        *count = count.saturating_add(more);
    }

    /// Adds a remark to the messages of a kind.
    pub fn explain(&mut self, code: Code, remark: &str) {
        for finding in self.listed.iter_mut().filter(|one| one.code == code) {
            finding.message.push_str("; ");
            finding.message.push_str(remark);
        }
    }

    /// Adds what was found after these.
    pub fn append(&mut self, next: Self) {
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            let listed = next.listed.iter().filter(|one| one.severity == severity);
            let more = next.count(severity).saturating_sub(len_u64(listed.count()));
            let count = self.count_mut(severity);
            *count = count.saturating_add(more);
        }
        for finding in next.listed {
            self.push(finding);
        }
    }

    /// The records and directories whose paths tell which files are concerned.
    pub(super) fn records(&self) -> impl Iterator<Item = RecordNumber> {
        let record = |one: &Finding| one.named_in.or(one.record.map(RecordNumber));
        self.listed.iter().filter_map(record)
    }

    /// Completes the paths of files, of which `touched` has those of all
    /// [`Findings::records`]. Returns those that only a directory names, and the
    /// directories with which nothing else is wrong.
    pub(super) fn name_files(&mut self, touched: &Touched) -> (Vec<String>, Vec<RecordNumber>) {
        let mut found = Vec::new();
        let mut directories = Vec::new();
        for finding in &mut self.listed {
            let record = finding.named_in.or(finding.record.map(RecordNumber));
            let Some(path) = record.and_then(|record| touched.path(record)) else {
                continue;
            };
            match (finding.named_in, finding.files.first_mut()) {
                (Some(directory), Some(name)) => {
                    let parent = match directory {
                        RECORD_ROOT => "",
                        _ => path,
                    };
                    *name = alloc::format!("{parent}/{name}");
                    found.push(name.clone());
                    directories.push(directory);
                }
                (None, None) => finding.files.push(path.into()),
                _ => {}
            }
        }
        directories.retain(|directory: &RecordNumber| {
            !self
                .listed
                .iter()
                .any(|one| one.record == Some(directory.0))
        });
        (found, directories)
    }

    /// The same, to be completed.
    pub(super) fn listed_mut(&mut self) -> &mut [Finding] {
        &mut self.listed
    }

    /// The first ones, in the order in which they were found.
    pub fn listed(&self) -> &[Finding] {
        &self.listed
    }

    /// The same, the gravest first, and those of a kind together.
    pub fn into_sorted(self) -> Vec<Finding> {
        let places = self.listed.iter().enumerate();
        let places = places.map(|(place, finding)| (finding.severity, finding.code, place));
        let places = sorted(places.collect());
        let mut listed: Vec<Option<Finding>> = self.listed.into_iter().map(Some).collect();
        places
            .iter()
            .filter_map(|&(.., place)| listed.get_mut(place)?.take())
            .collect()
    }

    /// How many there are.
    pub fn count(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.warnings,
            Severity::Note => self.notes,
        }
    }

    /// Whether nothing is lost that is known.
    pub fn is_sound(&self) -> bool {
        self.errors == 0
    }

    fn count_mut(&mut self, severity: Severity) -> &mut u64 {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => &mut self.notes,
        }
    }
}
