//! What a rescue could not read, and which files it belongs to.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use ntfsclone_core::clusters::{Owner, owners};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::path::path_of;
use ntfsclone_core::ntfs::{AttributeType, Volume};
use ntfsclone_core::units::{Extent, Geometry, Lcn};
use serde::{Deserialize, Serialize};

use super::open_volume::OpenVolume;
use crate::device::Mode;
use crate::error::{Error, Result};
use crate::options::{Output, Rescue};
use crate::report;
use crate::sink::{AtomicFile, Replacing};
use crate::visible::{Visible, visible_json};

/// How many files are named on the terminal.
const LISTED: usize = 20;

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
struct LostArea {
    offset: u64,
    length: u64,
}

/// A part of a file that could not be read.
#[derive(Serialize, Deserialize)]
struct LostPart {
    path: String,
    /// The stream; none for the content of the file.
    stream: Option<String>,
    /// The type of the attribute, where it is not content: 160 is the index of
    /// a directory.
    attribute: Option<u32>,
    /// Where in the file, in bytes.
    offset: u64,
    length: u64,
}

/// Tells what of a volume was lost, if anything: `lost` is in bytes, in order.
///
/// # Errors
///
/// [`Error::DataLost`], if anything was.
pub fn tell(opened: &OpenVolume, missing: &[Range<u64>], rescue: &Rescue) -> Result<()> {
    let lost = Lost {
        missing,
        doubtful: opened.device.doubtful_bytes(),
    };
    tell_of_salvaged(opened.device.path(), Some(&opened.volume), lost, rescue)
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
    let mut all = [lost.missing, lost.doubtful].concat();
    all.sort_by_key(|area| area.start);
    let found = match volume {
        Some(volume) => parts(volume, name, &all),
        None => Ok((Vec::new(), 0)),
    };
    let (files, left_out) = or_warning(found);
    let told = finish(name, &all, files, left_out, rescue);
    let bytes = |areas: &[Range<u64>]| areas.iter().map(|area| area.end - area.start).sum::<u64>();
    match told {
        Err(Error::DataLost { path, .. }) if !lost.doubtful.is_empty() => {
            Err(Error::MayBeDamaged {
                path,
                found: format!(
                    "{} bytes are missing, and marked with BadSectoR; {} more may be damaged",
                    bytes(lost.missing),
                    bytes(lost.doubtful)
                ),
            })
        }
        told => told,
    }
}

fn or_warning(found: Result<(Vec<LostPart>, u64)>) -> (Vec<LostPart>, u64) {
    found.unwrap_or_else(|error| {
        let causes = report::with_causes(&error);
        report::warning(format!("cannot tell which files lost data: {causes}"));
        (Vec::new(), 0)
    })
}

fn finish(
    source: &Path,
    lost: &[Range<u64>],
    files: Vec<LostPart>,
    left_out: u64,
    rescue: &Rescue,
) -> Result<()> {
    let areas = lost.iter().map(|area| LostArea {
        offset: area.start,
        length: area.end - area.start,
    });
    let data = LostData {
        source: source.display().to_string(),
        bytes: lost.iter().map(|area| area.end - area.start).sum(),
        areas: areas.collect(),
        files,
        files_left_out: left_out,
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
            "and {more} more parts of files; --report FILE lists them"
        ));
    }
    if left_out > 0 {
        report::warning(format!(
            "and {left_out} more parts of files, too many to list"
        ));
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
    let LostPart {
        path,
        offset,
        length,
        ..
    } = part;
    let stream = part.stream.as_ref().map(|name| format!(":{name}"));
    let what = match part.attribute {
        None => String::new(),
        Some(code) => format!(", attribute {code:#x}"),
    };
    format!(
        "lost {length} bytes of {}{what}, at byte {offset}",
        Visible(format_args!("{path}{}", stream.unwrap_or_default()))
    )
}

/// The parts of files that lie in `lost`, which is in order, and how many more
/// there are.
fn parts<R: ReadAt>(
    volume: &Volume<R>,
    name: &Path,
    lost: &[Range<u64>],
) -> Result<(Vec<LostPart>, u64)> {
    if lost.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let geometry = volume.geometry();
    let cluster_size = u64::from(geometry.cluster_size);
    let extents: Vec<Extent> = lost
        .iter()
        .map(|area| {
            let start = area.start / cluster_size;
            Extent::new(Lcn(start), area.end.div_ceil(cluster_size) - start)
        })
        .collect();
    let owners = owners(volume, &extents).map_err(|error| Error::read(name, error))?;
    let mut parts = Vec::new();
    for owner in &owners.list {
        let owned = geometry.offset(owner.extent.start);
        let areas = &lost[lost.partition_point(|area| area.end <= owned)..];
        for (offset, length) in areas
            .iter()
            .map_while(|area| part_of(geometry, owner, area))
        {
            let is_content = owner.type_code == AttributeType::DATA;
            parts.push(LostPart {
                path: path_of(volume, owner.record),
                stream: (!owner.name.is_empty()).then(|| owner.name.clone()),
                attribute: (!is_content).then_some(owner.type_code.0),
                offset,
                length,
            });
        }
    }
    parts.sort_by(|a, b| {
        (&a.path, &a.stream, a.attribute, a.offset).cmp(&(
            &b.path,
            &b.stream,
            b.attribute,
            b.offset,
        ))
    });
    Ok((parts, owners.left_out))
}

/// Where in the owner's attribute an area lies, if it does, and how much of it.
fn part_of(geometry: &Geometry, owner: &Owner, area: &Range<u64>) -> Option<(u64, u64)> {
    let owned = geometry.offset(owner.extent.start)..geometry.offset(owner.extent.end());
    let start = area.start.max(owned.start);
    let end = area.end.min(owned.end);
    let length = end.checked_sub(start).filter(|&length| length > 0)?;
    let offset = geometry.bytes(owner.vcn.0) + (start - owned.start);
    Some((offset, length))
}
