//! The clusters of a volume that a copy needs.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::mem;

use super::opened::Inside;
use super::{Failure, Halt, Refusal, Step, attempt};
use crate::clusters::{Auditor, ClusterMap, Part, Selection, Walk};
use crate::error::with_causes;
use crate::ntfs::{Volume, VolumeInfo};
use crate::pages::Pages;

/// Finds the clusters in use, and whether the volume's account of them is good
/// enough for a copy.
#[derive(Debug)]
pub(super) struct Used {
    state: State,
    label: String,
    /// Whether the account may be wrong.
    may_be_wrong: bool,
}

#[derive(Debug)]
enum State {
    /// The volume is to be opened.
    Start(Inside),
    Select(Box<Volume<Inside>>, Box<Selection>, Part),
    Audit(Box<Volume<Inside>>, Box<Selection>, Box<Auditor>),
    Done,
}

/// A volume that can be copied.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) volume: Volume<Inside>,
    /// The clusters in use.
    pub(super) map: ClusterMap,
    pub(super) label: String,
    /// Files and `$Bitmap` agree: the owner of each cluster is known.
    pub(super) agree: bool,
}

impl Used {
    /// Of a volume whose account may be wrong, as far as what is told of that is
    /// not for a copy.
    pub(super) fn new(inside: Inside, may_be_wrong: bool) -> Self {
        Self {
            state: State::Start(inside),
            label: String::new(),
            may_be_wrong,
        }
    }

    /// Goes on; none if that was not the end.
    pub(super) fn step(&mut self, pages: &Pages) -> Result<Option<Counted>, Halt> {
        match &mut self.state {
            State::Start(inside) => {
                let may_be_wrong = self.may_be_wrong;
                let (volume, selection, info) = attempt(pages, || {
                    let volume = match may_be_wrong {
                        true => inside.open_volume()?,
                        false => Volume::open(inside.clone())?,
                    };
                    if !may_be_wrong {
                        volume.mft().check_mirror(volume.source(), volume.boot())?;
                    }
                    let info = VolumeInfo::read(&volume)?;
                    let selection = Selection::new(&volume)?;
                    Ok((volume, selection, info))
                })?;
                self.label = info.label;
                let rest = Part::all(&volume);
                self.state = State::Select(Box::new(volume), Box::new(selection), rest);
            }
            State::Select(volume, selection, rest) if !rest.is_empty() => {
                attempt(pages, || {
                    let mut walk = Walk::new(&**volume);
                    walk.claims_of_some(rest, &mut |claims| selection.add(claims))
                })?;
            }
            State::Select(volume, ..) => {
                let auditor = attempt(pages, || Auditor::new(&**volume))?;
                if let State::Select(volume, selection, _) =
                    mem::replace(&mut self.state, State::Done)
                {
                    self.state = State::Audit(volume, selection, Box::new(auditor));
                }
            }
            State::Audit(volume, selection, auditor) => {
                let goes_on = attempt(pages, || auditor.step(&**volume, selection))?;
                if !goes_on
                    && let State::Audit(volume, selection, auditor) =
                        mem::replace(&mut self.state, State::Done)
                {
                    let (map, agree) = judge(*selection, *auditor, self.may_be_wrong)?;
                    return Ok(Some(Counted {
                        volume: *volume,
                        map,
                        label: mem::take(&mut self.label),
                        agree,
                    }));
                }
            }
            State::Done => {}
        }
        Ok(None)
    }

    /// Records walked over.
    pub(super) fn progress(&self) -> Step {
        match &self.state {
            State::Select(_, _, rest) => Step::Progress {
                done: rest.start().0,
                total: rest.end().0,
            },
            _ => Step::Progress { done: 0, total: 0 },
        }
    }
}

/// What of the volume is copied, and whether files and `$Bitmap` agree.
///
/// # Errors
///
/// Its account of its clusters contradicts itself.
fn judge(
    mut selection: Selection,
    auditor: Auditor,
    may_be_wrong: bool,
) -> Result<(ClusterMap, bool), Failure> {
    let audit = auditor.finish(&mut selection);
    if let Some(unknown) = audit.unknown {
        return Err(unknown.source.into());
    }
    let errors = selection.findings.errors();
    if errors > 0 && !may_be_wrong {
        let listed = selection.findings.listed().iter();
        let mut listed = listed.filter(|finding| finding.is_error());
        let first = listed.next().map(|finding| with_causes(finding));
        let first = first.unwrap_or_default();
        return Err(Failure::refused(
            Refusal::Inconsistent,
            match errors {
                1 => format!("has a damaged account of clusters: {first}"),
                _ => format!(
                    "has a damaged account of clusters; {errors} findings, the first: {first}"
                ),
            },
            "run chkdsk /f on the volume in Windows; or copy it as it is with the program: \
             ntfsclone --rescue --ignore-fs-check",
        ));
    }
    for &extent in &selection.bad {
        selection.map.remove(extent);
    }
    let agree = errors == 0 && audit.only_in_bitmap.clusters == 0;
    Ok((selection.map, agree))
}
