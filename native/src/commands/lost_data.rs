//! What a rescue could not read, and which files it belongs to.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::Volume;
use serde::{Deserialize, Serialize};

use super::lost_parts::{Effort, LostPart, LostParts, length, total};
use super::open_volume::OpenVolume;
use crate::device::Mode;
use crate::error::{Error, Result};
use crate::options::{Output, Rescue};
use crate::report;
use crate::sink::{AtomicFile, Replacing, refuse_file_in};
use crate::visible::visible_json;

/// How many files are named on the terminal.
const LISTED: usize = 20;

/// Parts of files in a report.
const MAX_PARTS: usize = 10_000;

/// The file that `--report` writes.
#[derive(Serialize, Deserialize)]
struct LostData {
    source: String,
    /// Bytes that could not be read.
    bytes: u64,
    /// Where they are on the device.
    areas: Vec<LostArea>,
    /// Which files they belong to.
    files: Vec<LostPart>,
    /// Parts of files that are too many to list.
    files_left_out: u64,
}

#[derive(Serialize, Deserialize)]
pub struct LostArea {
    offset: u64,
    length: u64,
}

impl From<&Range<u64>> for LostArea {
    fn from(range: &Range<u64>) -> Self {
        Self {
            offset: range.start,
            length: length(range),
        }
    }
}

/// Tells what of a volume was lost, if anything: `missing` is in bytes, in order.
///
/// # Errors
///
/// [`Error::DataLost`], if anything was.
pub fn tell(
    opened: &OpenVolume,
    missing: &[Range<u64>],
    effort: Effort,
    rescue: &Rescue,
) -> Result<()> {
    let lost = Lost {
        missing,
        doubtful: opened.device.doubtful_bytes(),
    };
    tell_lost(
        opened.device.path(),
        Some(&opened.volume),
        lost,
        effort,
        rescue,
    )
}

/// What is lost of a volume, in bytes, in order.
#[derive(Debug, Clone, Copy)]
pub struct Lost<'a> {
    /// Marked in the copy.
    pub missing: &'a [Range<u64>],
    /// Written as it is, and possibly damaged.
    pub doubtful: &'a [Range<u64>],
}

/// Tells what was lost of a volume that comes from a damaged image or stream, if
/// anything.
///
/// # Errors
///
/// [`Error::DataLost`], if anything is missing; [`Error::MayBeDamaged`].
pub fn tell_of_salvaged<R: ReadAt>(
    name: &Path,
    volume: Option<&Volume<R>>,
    lost: Lost<'_>,
    rescue: &Rescue,
) -> Result<()> {
    tell_lost(name, volume, lost, Effort::Thorough, rescue)
}

fn tell_lost<R: ReadAt>(
    name: &Path,
    volume: Option<&Volume<R>>,
    lost: Lost<'_>,
    effort: Effort,
    rescue: &Rescue,
) -> Result<()> {
    let mut all = [lost.missing, lost.doubtful].concat();
    all.sort_by_key(|area| area.start);
    let found = volume.map(|volume| LostParts::find(volume, name, &all, effort, MAX_PARTS));
    let parts = found.map(or_warning).unwrap_or_default();
    let told = finish(name, &all, parts, rescue);
    match told {
        Err(Error::DataLost { path, .. }) if !lost.doubtful.is_empty() => {
            Err(Error::MayBeDamaged {
                path,
                found: format!(
                    "{} missing, and marked with BadSectoR; {} more may be damaged",
                    report::count(total(lost.missing), "byte is", "bytes are"),
                    total(lost.doubtful)
                ),
            })
        }
        told => told,
    }
}

fn more_parts(count: u64) -> String {
    report::count(count, "more part of a file", "more parts of files")
}

fn or_warning(found: Result<LostParts>) -> LostParts {
    found.unwrap_or_else(|error| {
        let causes = report::with_causes(&error);
        report::warning(format!("cannot tell which files lost data: {causes}"));
        LostParts::default()
    })
}

fn finish(source: &Path, lost: &[Range<u64>], parts: LostParts, rescue: &Rescue) -> Result<()> {
    let data = LostData {
        source: source.display().to_string(),
        bytes: total(lost),
        areas: lost.iter().map(LostArea::from).collect(),
        files: parts.list,
        files_left_out: parts.left_out,
    };
    let written = match &rescue.report {
        Some(path) => write_report(path, &data, rescue),
        None => Ok(()),
    };
    if lost.is_empty() {
        return written;
    }
    if let Err(error) = written {
        report::warning(report::with_causes(&error));
    }
    for part in data.files.iter().take(LISTED) {
        report::warning(describe(part));
    }
    let more = data.files.len().saturating_sub(LISTED);
    if more > 0 {
        report::warning(format!(
            "and {}; --report FILE lists them",
            more_parts(more as u64)
        ));
    }
    let left_out = data.files_left_out;
    if left_out > 0 {
        report::warning(format!("and {}, too many to list", more_parts(left_out)));
    }
    Err(Error::DataLost {
        path: source.to_owned(),
        bytes: data.bytes,
    })
}

/// Refuses a report that would take the place of something else than the report
/// of an earlier run of the same rescue. To be called before the work is done
/// that is reported.
///
/// # Errors
///
/// There is something under its name, or will be.
pub fn check_report(rescue: Option<&Rescue>, output: Option<&Output>) -> Result<()> {
    let Some((rescue, path)) = rescue.and_then(|rescue| Some((rescue, rescue.report.as_ref()?)))
    else {
        return Ok(());
    };
    refuse_file_in(path)?;
    let is_output = matches!(output, Some(Output::File { path: output, .. }) if output == path);
    let is_mapfile = rescue.mapfile.as_ref() == Some(path);
    let is_earlier = is_earlier_report(rescue, path);
    let is_taken = fs::symlink_metadata(path).is_ok() && !is_earlier;
    if is_output || is_mapfile || is_taken {
        return Err(Error::refused(
            path,
            "exists already, or will",
            "--report never overwrites, but for its own report where a rescue goes on; give \
             another name",
        ));
    }
    let replacing = if is_earlier {
        Replacing::Existing
    } else {
        Replacing::Never
    };
    AtomicFile::try_create(path, replacing)
        .map_err(|error| Error::io("create a file beside", path, error))
}

/// No report is longer: it lists 10,000 parts of files, with their paths.
const LARGEST_REPORT: u64 = 1 << 30;

/// True for the report of an earlier run of a rescue that goes on.
fn is_earlier_report(rescue: &Rescue, path: &Path) -> bool {
    let goes_on = rescue.mapfile.as_ref().is_some_and(|path| path.exists());
    let is_file = |metadata: &fs::Metadata| metadata.is_file() && metadata.len() <= LARGEST_REPORT;
    goes_on
        && fs::symlink_metadata(path).is_ok_and(|metadata| is_file(&metadata))
        && fs::read(path).is_ok_and(|text| serde_json::from_slice::<LostData>(&text).is_ok())
}

/// Writes a report in one step. Nothing but an earlier one is replaced.
fn write_report(path: &Path, data: &LostData, rescue: &Rescue) -> Result<()> {
    let failed = |error| Error::io("write", path, error);
    let text = serde_json::to_string_pretty(data).map_err(|error| failed(error.into()))?;
    let (replacing, mode) = if is_earlier_report(rescue, path) {
        let metadata = fs::metadata(path).map_err(failed)?;
        (Replacing::Existing, Mode::of(&metadata))
    } else {
        (Replacing::Never, Mode::BY_UMASK)
    };
    let file = AtomicFile::create(path, replacing, mode).map_err(failed)?;
    writeln!(file.file(), "{}", visible_json(&text)).map_err(failed)?;
    file.finish().map_err(failed)
}

fn describe(part: &LostPart) -> String {
    let LostPart { offset, length, .. } = part;
    let name = part.name();
    let bytes = report::count(*length, "byte", "bytes");
    match part.record {
        None => format!("lost {bytes} of {name}, at byte {offset}"),
        Some(record) => {
            format!("lost {name}: its MFT record {record}, {bytes} at byte {offset} of $MFT")
        }
    }
}
