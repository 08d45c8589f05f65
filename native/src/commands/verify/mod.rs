//! Checking an image or volume to its last byte, and the NTFS in it.

mod against;
mod checksum;
mod image;
mod text;
mod volume;

use std::path::Path;

use ntfsclone_core::validate::{Code, Finding, Findings, ImageChecked, Report, VolumeCheck};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::options::{self, VerifyTask};
use crate::report::Reports;
use crate::source::input::{self, Bytes, Format, Opened, Recognised};
use crate::source::{self, Inside};

/// What was looked at, and what was found.
struct Checked {
    input: Recognised,
    findings: Findings,
    image: Option<ImageChecked>,
    volume: Option<VolumeCheck>,
    checksums: Vec<String>,
    /// For more questions, where it is readable at any place.
    inside: Option<Inside>,
}

/// The report as programs read it.
#[derive(Serialize)]
struct Document<'a> {
    source: String,
    against: Option<String>,
    /// Bytes of the volume that were compared.
    compared: Option<u64>,
    #[serde(flatten)]
    report: &'a Report,
}

pub fn run(task: &VerifyTask, how: options::Progress) -> Result<()> {
    let mut checked = check(task, how)?;
    let mut compared = None;
    if let Some(other) = &task.against {
        match &checked.inside {
            Some(inside) if checked.findings.is_sound() => {
                let bytes = against::compare(inside, other, task, how, &mut checked.findings)?;
                compared = Some(bytes);
            }
            _ => {
                let message = "not compared: it is not sound, or cannot be read at any place";
                let finding = Finding::new(Code::NotCompared, None, message);
                checked.findings.push(finding);
            }
        }
    }
    let name = checked.input.name.clone();
    let remark = checked.input.remark();
    let report = Report::new(
        checked.findings,
        checked.image,
        checked.volume,
        checked.checksums,
    );
    let document = Document {
        source: name.display().to_string(),
        against: task
            .against
            .as_ref()
            .map(|other| other.name().display().to_string()),
        compared,
        report: &report,
    };
    match task.json {
        true => {
            let text = serde_json::to_string_pretty(&document)
                .map_err(|error| Error::io("write the report of", &name, error.into()))?;
            Reports::ToStdout.line(text);
        }
        false => text::print(&document, &remark),
    }
    match report.sound {
        true => Ok(()),
        false => Err(Error::NotSound {
            path: name,
            errors: report.errors,
        }),
    }
}

fn check(task: &VerifyTask, how: options::Progress) -> Result<Checked> {
    let Opened { input, bytes } = input::open(&task.image, None)?;
    let mut checked = Checked {
        input,
        findings: Findings::default(),
        image: None,
        volume: None,
        checksums: Vec::new(),
        inside: None,
    };
    let sidecars = checksum::beside(&checked.input)?;
    match (checked.input.format, source::anywhere(&bytes)) {
        (Format::Image, anywhere) => {
            let index = image::check(bytes, sidecars, task, how, &mut checked)?;
            match (anywhere, index) {
                (Some(anywhere), Some(index)) => {
                    checked.inside = Some(Inside::of_image(anywhere, index));
                }
                (None, Some(_)) if checked.findings.is_sound() => {
                    let message = "the volume in it was not checked: it can only be read from \
                                   start to end";
                    let finding = Finding::new(Code::VolumeNotChecked, None, message);
                    checked.findings.push(finding);
                }
                _ => {}
            }
        }
        (Format::Volume, Some(volume)) => {
            checksum::check(sidecars, task, how, &mut checked)?;
            if let Bytes::Seekable(seekable) = bytes {
                image::check_frames(seekable, task, how, &mut checked)?;
            }
            checked.inside = Some(Inside::Volume(volume));
        }
        (Format::Volume, None) => {
            return Err(Error::refused(
                &checked.input.name,
                "is a volume that can only be read from start to end",
                "decompress it to a file, and verify that",
            ));
        }
    }
    if let Some(inside) = &checked.inside {
        let name = checked.input.name.clone();
        checked.volume = volume::check(inside, &name, task.threads, how, &mut checked.findings)?;
    }
    Ok(checked)
}

/// What cannot be read is a finding; what the program lacks is an error.
fn unreadable(name: &Path, error: Error) -> Result<Finding> {
    match error {
        Error::Io { .. } | Error::Read { .. } | Error::Compressed { .. } => {
            Ok(Finding::of_error(Code::ImageUnreadable, None, &error))
        }
        Error::Refused { found, .. } => Ok(Finding::new(
            Code::ImageUnreadable,
            None,
            format!("{}: {found}", name.display()),
        )),
        error => Err(error),
    }
}
