//! Checking an image or volume to its last byte, and the NTFS in it.

mod against;
mod checksum;
mod image;
mod partclone;
mod stream;
mod streamed;
mod text;
mod volume;
mod whole;

use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::check::{
    Code, Document, Finding, Findings, ImageChecked, Loss, Report, VolumeCheck,
};
use ntfsclone_core::disk::NoNeighbours;
use ntfsclone_core::io::Source;
use ntfsclone_core::open::Inside;

use self::against::{Identities, Other, OwnFields};
use crate::error::{Error, Result};
use crate::input::{self, Bytes, Format, OpenInput, Recognised};
use crate::options::{self, IndexPlace, Input, Origin, VerifyTask};
use crate::report::{self, Reports};
use crate::source::{self, Compared, KeptVolume};

/// What was looked at, and what was found.
struct Checked {
    input: Recognised,
    findings: Findings,
    image: Option<ImageChecked>,
    volume: Option<VolumeCheck>,
    checksums: Vec<String>,
    /// Checksums beside the file that are not those of its bytes.
    different: Vec<Compared>,
    /// What cannot be read, until its files are known.
    losses: Vec<Loss>,
    /// The volume, for more questions.
    inside: Option<Inside>,
    /// The same, as far as it was kept, where it passed by.
    kept: Option<Arc<KeptVolume>>,
}

impl Checked {
    /// Opens the volume in the image of another program in `source`. What is wrong with that is a finding.
    fn open_container(&mut self, source: &Source) {
        let Some(container) = self.input.container else {
            return;
        };
        match container.open(source, &NoNeighbours) {
            Ok(opened) => self.inside = Some(Inside::of_volume(opened.source)),
            Err(error) => {
                let code = Code::VolumeUnreadable;
                self.findings.push(Finding::of_error(code, None, &error));
            }
        }
    }
}

pub fn run(task: &VerifyTask, how: options::Progress) -> Result<()> {
    let other = task
        .against
        .as_ref()
        .map(|other| open_side(other, &task.image));
    let other = other.transpose()?;
    let opened = match &task.against {
        Some(other) => open_side(&task.image, other),
        None => input::open(&task.image, None),
    };
    let mut own = OwnFields::default();
    let mut checked = match opened {
        Ok(opened) => {
            if let Some(other) = &other {
                against::check_possible(&opened, other)?;
                own = match against::identify(&opened, other) {
                    Identities::One(own) => own,
                    Identities::Two(finding) => {
                        let mut findings = Findings::default();
                        findings.push(finding);
                        let report = Report::new(findings, None, None, Vec::new());
                        let Recognised { name, .. } = &opened.input;
                        return tell(task, name, &opened.input.remark(), None, &report);
                    }
                };
            }
            if task.keeps_index && !opened.input.is_compressed() {
                let path = path_to_index(&opened.input)?;
                source::index_file::check_place(path)?;
            }
            check(opened, task, how)?
        }
        // Already its first bytes cannot be decompressed.
        Err(error @ Error::Compressed { .. }) => {
            let name = task.image.name();
            let mut findings = Findings::default();
            findings.push(unreadable(&name, error)?);
            let report = Report::new(findings, None, None, Vec::new());
            return tell(task, &name, "", None, &report);
        }
        Err(error) => return Err(error),
    };
    checksum::report_different(&mut checked);
    find_change(&mut checked)?;
    if task.keeps_index && !checked.input.is_compressed() {
        keep_index(&checked)?;
    }
    let mut compared = None;
    if let Some(other) = other {
        let other_input = other.input.clone();
        match &checked.inside {
            Some(inside) if checked.findings.is_sound() => {
                let mut findings = Findings::default();
                let other = Other { opened: other, own };
                let bytes = against::compare(&checked, inside, other, task, how, &mut findings)?;
                checked.findings.append(findings);
                compared = Some(bytes);
                other_input.check_unchanged()?;
                find_change(&mut checked)?;
            }
            _ => {
                let message = "not compared: it is not sound";
                let finding = Finding::new(Code::NotCompared, None, message);
                checked.findings.push(finding);
            }
        }
    }
    let name = checked.input.name.clone();
    let remark = checked.input.remark();
    let is_volume = checked.input.format == Format::Volume && !checked.input.is_compressed();
    let mut report = Report::new(
        checked.findings,
        checked.image,
        checked.volume,
        checked.checksums,
    );
    if let Some(inside) = &checked.inside {
        report = report.with_stored_places(&inside.source);
    }
    if is_volume {
        report = report.on_volume();
    }
    tell(task, &name, &remark, compared, &report)
}

/// Opens one of the two that are compared. A partition is that of each of them that
/// is a disk.
fn open_side(side: &Input, other: &Input) -> Result<OpenInput> {
    let partition = side.partition.or(other.partition);
    let (Some(_), Origin::File(_)) = (partition, &side.origin) else {
        return input::open(side, None);
    };
    let whole = Input {
        partition: None,
        ..side.clone()
    };
    let within = Input {
        partition,
        ..side.clone()
    };
    match input::open(&within, None) {
        // A disk without this partition says so itself.
        Err(error) => input::open(&whole, None).map_err(|_| error),
        opened => opened,
    }
}

/// What was read of a file that changed meanwhile says nothing.
fn find_change(checked: &mut Checked) -> Result<()> {
    if let Err(error) = checked.input.check_unchanged() {
        let name = checked.input.name.clone();
        checked.findings.push(unreadable(&name, error)?);
    }
    Ok(())
}

/// Writes where the clusters are beside an image whose structure is sound.
fn keep_index(checked: &Checked) -> Result<()> {
    checked.input.check_unchanged()?;
    let path = path_to_index(&checked.input)?;
    let Some(index) = checked.inside.as_ref().and_then(Inside::index) else {
        return Err(no_index(&checked.input));
    };
    let is_whole = checked
        .image
        .is_some_and(|image| image.bytes == index.stream_size());
    if is_whole {
        source::index_file::write(path, index)?;
    }
    Ok(())
}

/// The image, if an index can stand beside it.
fn path_to_index(input: &Recognised) -> Result<&Path> {
    let files = input.files.as_ref();
    let path = files.and_then(|files| files.whole_path());
    path.filter(|_| input.format == Format::Image && input.indexing.place == IndexPlace::Beside)
        .ok_or_else(|| no_index(input))
}

fn no_index(input: &Recognised) -> Error {
    Error::refused(
        &input.name,
        "is not an image in one file, beside which its index could be",
        "leave out --index or its FILE",
    )
}

/// Prints the report.
///
/// # Errors
///
/// [`Error::NotSound`], if that is what it says.
fn tell(
    task: &VerifyTask,
    name: &Path,
    remark: &str,
    compared: Option<u64>,
    report: &Report,
) -> Result<()> {
    let document = Document {
        source: name.display().to_string(),
        against: task
            .against
            .as_ref()
            .map(|other| other.name().display().to_string()),
        compared,
        report,
    };
    if task.json {
        let text = document.to_json();
        Reports::TO_STDOUT.json(&text.map_err(|error| Error::read(name, error))?);
    } else {
        text::print(&document, remark);
    }
    report::check_written()?;
    if !report.sound {
        return Err(Error::NotSound {
            path: name.to_owned(),
            errors: report.errors,
        });
    }
    Ok(())
}

fn check(opened: OpenInput, task: &VerifyTask, how: options::Progress) -> Result<Checked> {
    let OpenInput { input, bytes } = opened;
    let mut checked = Checked {
        input,
        findings: Findings::default(),
        image: None,
        volume: None,
        checksums: Vec::new(),
        different: Vec::new(),
        losses: Vec::new(),
        inside: None,
        kept: None,
    };
    let sidecars = checksum::beside(&checked.input)?;
    match (checked.input.format, bytes.source()) {
        (Format::Image, Some(source)) => {
            let index = image::check(bytes, sidecars, None, task, how, &mut checked)?;
            checked.inside = index.map(|index| Inside::of_image(source, index));
        }
        (Format::Partclone, Some(source)) => {
            let index = partclone::check(bytes, sidecars, None, task, how, &mut checked)?;
            if index.is_some() {
                checked.open_container(&source);
            }
        }
        (Format::Volume, Some(volume)) => {
            checksum::check(sidecars, task, how, &mut checked)?;
            if let Bytes::Seekable(seekable) = &bytes {
                let seekable = Arc::clone(seekable);
                stream::read_volume(bytes, None, task, how, &mut checked)?;
                image::check_summary(&seekable, None, &mut checked);
            }
            checked.inside = Some(Inside::of_volume(volume));
        }
        (_, None) => {
            stream::check(bytes, sidecars, task, how, &mut checked)?;
            if checked.kept.is_some() {
                return Ok(checked);
            }
        }
    }
    if let Some(inside) = &checked.inside {
        let name = checked.input.name.clone();
        let losses = std::mem::take(&mut checked.losses);
        let findings = &mut checked.findings;
        checked.volume = volume::check(inside, &name, task, how, losses, findings)?;
    }
    // Of those nothing more is known.
    for loss in std::mem::take(&mut checked.losses) {
        checked.findings.push(loss.into_finding());
    }
    Ok(checked)
}

/// What cannot be read is a finding; what the program lacks is an error.
fn unreadable(name: &Path, error: Error) -> Result<Finding> {
    match error {
        Error::Io { .. }
        | Error::Read { .. }
        | Error::Compressed { .. }
        | Error::PieceMissing { .. } => Ok(Finding::of_error(Code::ImageUnreadable, None, &error)),
        Error::Refused { found, .. } => Ok(Finding::new(
            Code::ImageUnreadable,
            None,
            format!("{}: {found}", name.display()),
        )),
        error => Err(error),
    }
}
