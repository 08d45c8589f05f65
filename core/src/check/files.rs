//! The check of what is in `$MFT` and in directories, step by step: all of a
//! volume but its clusters.

use alloc::boxed::Box;
use core::mem;

use super::census::Census;
use super::finding::Findings;
use super::security::{SecurityCheck, SecurityIds};
use super::system_files;
use super::touched::Touched;
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::upcase::UpCase;

/// A check of the files of a volume. It takes 8 bytes for each record of `$MFT`
/// and 16 more for each directory, and of one index at a time 32 blocks at most.
#[derive(Debug, Default)]
pub struct FilesCheck {
    pub(super) findings: Findings,
    upcase: UpCase,
    stage: Stage,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    SystemFiles,
    Security(Box<SecurityCheck>),
    Records(Box<Census>, SecurityIds),
    Directories(Box<Census>),
    /// Indexes over other things than names.
    Views(Box<Census>),
    Done,
}

/// Checks only the file system's own files: boot sectors, `$MFT` as a whole, flags, tables and
/// journal. Takes the same time whatever the number of files.
///
/// # Errors
///
/// Those of [`FilesCheck::step`].
pub fn check_system_files<R: ReadAt>(volume: &Volume<R>) -> Result<Findings> {
    let mut findings = Findings::default();
    system_files::check(volume, &mut findings)?;
    with_paths(findings, volume)
}

fn with_paths<R: ReadAt>(mut findings: Findings, volume: &Volume<R>) -> Result<Findings> {
    let touched = Touched::find(volume, &[], findings.records())?;
    findings.name_files(&touched);
    Ok(findings)
}

impl FilesCheck {
    /// Completes the check. Returns what was found, with the paths of the files.
    ///
    /// # Errors
    ///
    /// Those of [`FilesCheck::step`].
    pub fn finish<R: ReadAt>(mut self, volume: &Volume<R>) -> Result<Findings> {
        while self.step(volume)? {}
        with_paths(self.findings, volume)
    }

    /// Continues; false at the end. After an error, it can be tried again.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]; [`crate::Error::Memory`]. All else is a finding.
    pub fn step<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<bool> {
        let Self {
            findings,
            upcase,
            stage,
        } = self;
        match stage {
            Stage::SystemFiles => {
                let mut found = Findings::default();
                *upcase = system_files::check(volume, &mut found)?;
                findings.append(found);
                *stage = Stage::Security(Box::default());
            }
            Stage::Security(check) => {
                if let Some(ids) = check.step(volume, upcase, findings)? {
                    let census = Census::new(volume, findings)?;
                    *stage = Stage::Records(Box::new(census), ids);
                }
            }
            Stage::Records(census, ids) => {
                if !census.read_records((volume, upcase, ids), findings)? {
                    *stage = Stage::Directories(mem::take(census));
                }
            }
            Stage::Directories(census) => {
                if !census.visit_directories(volume, upcase, findings)? {
                    *stage = Stage::Views(mem::take(census));
                }
            }
            Stage::Views(census) => {
                if !census.visit_view(volume, upcase, findings)? {
                    mem::take(census).conclude(volume, findings);
                    *stage = Stage::Done;
                }
            }
            Stage::Done => return Ok(false),
        }
        Ok(true)
    }
}
