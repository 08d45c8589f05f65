//! Checking the NTFS of a volume, or in an image.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::account::{Account, lost_part};
use super::content::ContentCheck;
use super::files::FilesCheck;
use super::finding::Findings;
use super::lost_frames::Loss;
use super::missing::Missing;
use super::touched::TouchedSearch;
use crate::clusters::Selection;
use crate::clusters::audit::Auditor;
use crate::error::Result;
use crate::image::Index;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::units::Extent;

/// What was found in a volume, and how much was looked at.
#[derive(Debug, Default)]
pub struct VolumeCheck {
    /// What is wrong.
    pub findings: Findings,
    /// The paths of all files with something wrong, in alphabetical order.
    pub files: Vec<String>,
    /// Parts of files with something wrong that are too many to list.
    pub files_left_out: u64,
    /// Files and directories in use.
    pub files_checked: u64,
    /// Clusters in use.
    pub clusters_in_use: u64,
}

/// Checks a volume whose files were walked over, which gave `selection`: its
/// records against each other and against `$Bitmap`, and, where it is in an
/// image, that all clusters in use are there.
///
/// # Errors
///
/// [`crate::Error::Io`]. All else is a finding.
pub fn check_volume<R: ReadAt>(
    volume: &Volume<R>,
    selection: Selection,
    image: Option<&Index>,
) -> Result<VolumeCheck> {
    let mut checking = Checking::new(selection);
    loop {
        if let Some(check) = checking.step(volume, image)? {
            return Ok(check);
        }
    }
}

/// A [`check_volume`] that goes on step by step.
#[derive(Debug)]
pub struct Checking {
    selection: Selection,
    findings: Findings,
    losses: Vec<Loss>,
    /// Clusters with sectors that a rescue could not read.
    marked: Vec<Extent>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Files(Box<FilesCheck>),
    Audit(Auditor),
    /// What of the clusters in use the source of the volume lacks.
    Absent(Box<Account>),
    /// Whose the clusters are with which something is wrong.
    Touched(Box<Account>, TouchedSearch),
}

impl Checking {
    /// A check that has not begun; `selection` as for [`check_volume`].
    pub fn new(selection: Selection) -> Self {
        Self {
            selection,
            findings: Findings::default(),
            losses: Vec::new(),
            marked: Vec::new(),
            stage: Stage::Files(Box::default()),
        }
    }

    /// The same, with a check of the files that was begun beside the walk.
    pub fn with_files(self, files: FilesCheck) -> Self {
        Self {
            stage: Stage::Files(Box::new(files)),
            ..self
        }
    }

    /// The same, with what a check of the content of all files has found.
    pub fn with_content(self, content: ContentCheck) -> Self {
        Self {
            findings: content.findings,
            marked: content.marked,
            ..self
        }
    }

    /// The same, of a volume in an image of which some is lost: that is told with
    /// the files it was in, and what follows from it is no finding.
    pub fn with_losses(self, losses: Vec<Loss>) -> Self {
        Self { losses, ..self }
    }

    /// Those of a check that was not finished.
    pub fn into_losses(self) -> Vec<Loss> {
        self.losses
    }

    /// Goes on; none if that was not the end. After an error, it can be tried
    /// again.
    ///
    /// # Errors
    ///
    /// As [`check_volume`].
    pub fn step<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        image: Option<&Index>,
    ) -> Result<Option<VolumeCheck>> {
        let Self {
            selection,
            losses,
            findings,
            marked,
            ..
        } = self;
        match &mut self.stage {
            Stage::Files(files) => {
                if !files.step(volume)? {
                    let auditor = Auditor::new(volume)?;
                    findings.append(mem::take(&mut files.findings));
                    self.stage = Stage::Audit(auditor);
                }
            }
            Stage::Audit(auditor) => {
                if auditor.step(volume, selection)? {
                    return Ok(None);
                }
                let stage = mem::replace(&mut self.stage, Stage::Files(Box::default()));
                let Stage::Audit(auditor) = stage else {
                    return Ok(None);
                };
                let audit = auditor.finish(selection);
                for &extent in &selection.bad {
                    selection.map.remove(extent);
                }
                let account = Account::new(selection, audit, image, mem::take(marked));
                self.stage = Stage::Absent(Box::new(account));
            }
            Stage::Absent(account) => {
                let unknown = lost_part(&account.audit);
                account.missing = match image {
                    Some(index) => Missing::find(&mut selection.map, index, unknown),
                    None => Missing::in_source(&mut selection.map, volume, unknown)?,
                };
                let stage = mem::replace(&mut self.stage, Stage::Files(Box::default()));
                if let Stage::Absent(account) = stage {
                    let (account, search) = account.touched(volume, selection, losses, findings);
                    self.stage = Stage::Touched(Box::new(account), search);
                }
            }
            Stage::Touched(account, search) => {
                if search.step(volume)? {
                    return Ok(None);
                }
                let touched = mem::replace(search, TouchedSearch::new(volume, &[], [])).finish();
                let mut findings = mem::take(&mut self.findings);
                account.tell_losses(losses, &touched, &mut findings);
                account.tell(&selection.findings, &touched, &mut findings);
                let (found, directories) = findings.name_files(&touched);
                return Ok(Some(VolumeCheck {
                    findings,
                    files_left_out: touched.left_out,
                    files: touched.into_paths(found, &directories),
                    files_checked: selection.files,
                    clusters_in_use: account.clusters_in_use,
                }));
            }
        }
        Ok(None)
    }
}
