//! What is known of an image or volume, without reading much of it.

mod disk;

use std::io::Read;

use ntfsclone_core::image::ntfsclone::{Decoder, Event, Header};
use ntfsclone_core::info::{
    self, BadClusters, Document, ImageSummary, MAP_PARTS, READ_AT_ONCE, Run, Usage, VolumeSummary,
};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::Inside;
use ntfsclone_core::units::{Extent, Lcn};

use crate::error::{Error, Result};
use crate::input::{self, Bytes, Format, OpenInput, Recognised};
use crate::options::InfoTask;
use crate::report::{self, Reports};
use crate::source::inside;

/// More than the header of any image.
const START_BYTES: usize = 4096;

/// How many runs of bad clusters are printed; `--json` has more.
const BAD_RUNS: usize = 5;

pub fn run(task: &InfoTask) -> Result<()> {
    let opened = match input::open(&task.source, None) {
        Err(Error::WholeDisk {
            table, is_searched, ..
        }) => return disk::run(task, &table, is_searched),
        opened => opened?,
    };
    let indexed = match &opened.bytes {
        Bytes::Stream(_) => input::open_indexed(&opened.input, Reports::TO_STDERR)?,
        _ => None,
    };
    let OpenInput { input, bytes } = indexed.unwrap_or(opened);
    let mut document = Document {
        source: input.name.display().to_string(),
        size: input.files.as_ref().map(|files| files.size()),
        format: match input.format {
            Format::Image => info::Format::Image,
            Format::Volume | Format::Partclone => info::Format::Volume,
        },
        layers: input.layers.iter().map(ToString::to_string).collect(),
        made: None,
        image: None,
        volume: None,
        warnings: Vec::new(),
    };
    let looked = look_inside(&input, bytes, &mut document);
    if looked.is_err() && document.warnings.is_empty() {
        return looked;
    }
    match task.json {
        true => {
            // Printed already.
            let table_damage = input.table_damage.map(|damage| damage.to_string());
            document.warnings.splice(0..0, table_damage);
            let text = document.to_json();
            Reports::TO_STDOUT.json(&text.map_err(|error| Error::read(&input.name, error))?);
        }
        false => print(&document, &input.remark()),
    }
    report::check_written()?;
    looked
}

fn look_inside(input: &Recognised, bytes: Bytes, document: &mut Document) -> Result<()> {
    if let Bytes::Seekable(seekable) = &bytes {
        document.tell_end_damage(seekable.end_damage());
        document.tell_made(seekable.summary());
    }
    let source = bytes.source();
    let inside = inside::at_once(input, &bytes);
    let known = inside.as_ref().ok().and_then(Option::as_ref);
    if let Some(index) = known.and_then(Inside::index) {
        document.image = Some(ImageSummary::new(index.header(), Some(index)));
    } else if input.format == Format::Image {
        let header = header_of(input, bytes)?;
        document.image = Some(ImageSummary::new(&header, None));
    }
    let Some(source) = source else {
        let warning = "it can only be read from start to end: of the volume nothing is told at \
                       once; verify reads all of it, and says what is in it";
        document.warnings.push(warning.to_owned());
        return Ok(());
    };
    let Some(inside) = inside? else {
        let why = info::why_nothing_is_told(source.size());
        document.warnings.push(why.to_owned());
        return match source.size() {
            // All of it was read.
            ..=READ_AT_ONCE => Err(unknown_volume(input)),
            _ => Ok(()),
        };
    };
    let summary = inside.open_to_look().and_then(|(volume, damage)| {
        document
            .warnings
            .extend(damage.iter().map(|damage| report::with_causes(damage)));
        VolumeSummary::read(&volume, MAP_PARTS)
    });
    match summary {
        Ok(summary) => document.volume = Some(summary),
        Err(error) => {
            document.warnings.push(report::with_causes(&error));
            return Err(unknown_volume(input));
        }
    }
    Ok(())
}

/// What a report without a volume ends with; why is a warning in it.
fn unknown_volume(input: &Recognised) -> Error {
    let remedy = format!(
        "what is wrong with it tells: ntfsclone verify {}",
        input.name.display()
    );
    Error::refused(&input.name, "the volume in it cannot be read", remedy)
}

/// The header of an image whose clusters are not known where they are.
fn header_of(input: &Recognised, bytes: Bytes) -> Result<Header> {
    let mut start = vec![0; START_BYTES];
    let mut reader: Box<dyn Read> = match bytes {
        Bytes::Stream(reader) => reader,
        bytes => match bytes.source() {
            Some(source) => {
                let header = Header::read(&source);
                return header.map_err(|error| Error::read(&input.name, error));
            }
            None => Box::new(std::io::empty()),
        },
    };
    let len = input::read_up_to(&mut reader, &mut start);
    let len = len.map_err(|error| input::read_error(&input.name, error))?;
    let mut decoder = Decoder::new();
    let mut bytes = &start[..len];
    let failed = |error| Error::read(&input.name, error);
    match decoder.next(&mut bytes).map_err(failed)? {
        Event::Header(header) => Ok(header),
        _ => {
            decoder.end_of_input().map_err(failed)?;
            let remedy = "name an image of ntfsclone";
            Err(Error::refused(&input.name, "is not an image", remedy))
        }
    }
}

fn print(document: &Document, remark: &str) {
    let reports = Reports::TO_STDOUT;
    let size = document.size.map_or(String::new(), |size| {
        format!(", {size} bytes ({})", report::size(size))
    });
    reports.line(format_args!("{}{remark}{size}", document.source));
    if let Some(image) = &document.image {
        let kind = match image.is_metadata {
            Some(true) => ", metadata only",
            _ => "",
        };
        reports.line(format_args!(
            "Image: ntfsclone, version {}{kind}; {} of {} clusters of {} bytes in it, of a device \
             of {}",
            image.version,
            image.clusters_in_use,
            image.clusters,
            image.cluster_size,
            report::size(image.device_size)
        ));
    }
    // It was JSON when the document was made.
    let made = document.made.as_ref();
    if let Some(Ok(made)) = made.map(|made| serde_json::from_str(made.text())) {
        print_made(&made, reports);
    }
    if let Some(volume) = &document.volume {
        print_volume(volume, reports);
    }
    for warning in &document.warnings {
        report::warning(format_args!("{}: {warning}", document.source));
    }
}

/// What is of interest to people of when and from what it was made.
fn print_made(made: &serde_json::Value, reports: Reports) {
    let text = |key: &str| made.get(key).and_then(serde_json::Value::as_str);
    let parts: Vec<String> = [
        ("", "time"),
        ("from ", "source"),
        ("on ", "host"),
        ("by ", "tool"),
        ("", "version"),
    ]
    .iter()
    .filter_map(|(word, key)| Some(format!("{word}{}", text(key)?.escape_debug())))
    .collect();
    reports.line(format_args!("Made: {}", parts.join(" ")));
    if let Some(note) = text("note") {
        reports.line(format_args!("Note: {}", note.escape_debug()));
    }
    let warnings = made.get("warnings").and_then(serde_json::Value::as_array);
    for warning in warnings
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_str())
    {
        reports.line(format_args!("Warned then: {}", warning.escape_debug()));
    }
}

fn print_volume(volume: &VolumeSummary, reports: Reports) {
    let version = volume
        .ntfs_version
        .as_deref()
        .unwrap_or("of unknown version");
    let label = match volume.label.as_deref() {
        None => "label unknown".to_owned(),
        Some("") => "no label".to_owned(),
        Some(label) => format!("label {label:?}"),
    };
    reports.line(format_args!(
        "Volume: NTFS {version}, {label}, serial {}",
        volume.serial
    ));
    reports.line(format_args!(
        "Size: {} bytes ({}), {} clusters of {} bytes; sectors of {}, records of {}, index blocks \
         of {} bytes",
        volume.size,
        report::size(volume.size),
        volume.clusters,
        volume.cluster_size,
        volume.sector_size,
        volume.mft_record_size,
        volume.index_record_size
    ));
    reports.line(format_args!("State: {}", state(volume)));
    let in_use = volume
        .records_in_use
        .map_or("an unknown number".to_owned(), |records| {
            records.to_string()
        });
    let files = volume.files.map_or(String::new(), |files| {
        format!("; {files} files and directories")
    });
    reports.line(format_args!(
        "Records of the MFT: {in_use} of {} in use{files}",
        volume.records
    ));
    match &volume.usage {
        None => reports.line("In use: unknown, $Bitmap is damaged"),
        Some(usage) => print_usage(usage, volume, reports),
    }
    if let Some(size) = volume.least_size {
        reports.line(format_args!(
            "Least size: {size} bytes ({}), with --size=min",
            report::size(size)
        ));
    }
    if let Some(bad) = volume.bad.as_ref().filter(|bad| bad.clusters > 0) {
        print_bad(bad, reports);
    }
}

/// Clean, or all reasons why it is not.
fn state(volume: &VolumeSummary) -> String {
    let flags = [
        (volume.is_dirty == Some(true), "marked dirty"),
        (
            volume.is_hibernated == Some(true),
            "Windows is hibernated on it",
        ),
        (
            volume.is_from_backup_boot_sector,
            "the first boot sector is damaged",
        ),
        (
            volume.unclean.is_none(),
            "$Volume or the journal cannot be read",
        ),
    ];
    let flags = flags.iter().filter(|(is_set, _)| *is_set);
    let unclean = volume.unclean.iter().flatten();
    let reasons: Vec<&str> = flags
        .map(|&(_, text)| text)
        .chain(unclean.map(|reason| reason.what()))
        .collect();
    if reasons.is_empty() {
        return "clean".to_owned();
    }
    reasons.join("; ")
}

/// What Windows marked as bad: of the disk that it was on then.
fn print_bad(bad: &BadClusters, reports: Reports) {
    let runs: Vec<String> = bad
        .runs
        .iter()
        .take(BAD_RUNS)
        .map(|run| Extent::new(Lcn(run.lcn), run.clusters).to_string())
        .collect();
    let more = match bad.runs.len() - runs.len() {
        0 => "",
        _ => ", and more",
    };
    let clusters = report::count(bad.clusters, "cluster", "clusters");
    reports.line(format_args!(
        "Bad: {clusters} marked in $BadClus ({}{more}); they are not copied",
        runs.join(", ")
    ));
}

fn print_usage(usage: &Usage, volume: &VolumeSummary, reports: Reports) {
    let bytes = |clusters: u64| report::size(clusters * u64::from(volume.cluster_size));
    reports.line(format_args!(
        "In use: {} in {}; free: {}",
        bytes(usage.used),
        report::count(usage.runs, "run", "runs"),
        bytes(usage.free)
    ));
    let runs = |runs: &[Run]| {
        let runs: Vec<String> = runs
            .iter()
            .map(|run| format!("{} at cluster {}", bytes(run.clusters), run.lcn))
            .collect();
        match runs.is_empty() {
            true => "none".to_owned(),
            false => runs.join(", "),
        }
    };
    reports.line(format_args!("Largest runs: {}", runs(&usage.largest_used)));
    reports.line(format_args!("Largest free: {}", runs(&usage.largest_free)));
    let blocks: String = usage.map.iter().map(|&part| block(part)).collect();
    reports.line(format_args!("[{blocks}]"));
}

/// How full a part is, from none to all.
fn block(per_mille: u16) -> char {
    match per_mille {
        0 => '\u{b7}',
        1..=333 => '\u{2591}',
        334..=666 => '\u{2592}',
        667..=999 => '\u{2593}',
        _ => '\u{2588}',
    }
}
