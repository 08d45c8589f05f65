//! Lists the files in an image or volume.

mod deleted;

use std::io::{self, BufWriter, Write};

use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ntfsclone_core::tree::{Details, Entry, Found, Kind, Located, Lookup, Walk};
use serde_json::json;

use super::file_tree::FileTree;
use crate::error::{Error, Result};
use crate::facts::rfc3339;
use crate::options::{ListForm, LsTask};
use crate::report;
use crate::visible::{Visible, visible_json};

/// Bytes that are written in one call.
const OUTPUT_BYTES: usize = 64 << 10;

/// Seconds from 1601 to 1970.
const SECONDS_TO_1970: i64 = 11_644_473_600;

/// DOS attributes, as they are printed by -l ([MS-FSCC] 2.6).
const ATTRIBUTES: [(u32, char); 9] = [
    (0x1, 'r'),
    (0x2, 'h'),
    (0x4, 's'),
    (0x20, 'a'),
    (0x200, 'p'),
    (0x400, 'l'),
    (0x800, 'c'),
    (0x1000, 'o'),
    (0x4000, 'e'),
];

const CSV_HEADER: &str =
    "path,kind,size,allocated,modified,created,accessed,record_changed,attributes,record,target";

pub fn run(task: &LsTask) -> Result<()> {
    if task.deleted {
        return deleted::run(task);
    }
    let files = FileTree::open(&task.source, task.by)?;
    let mut listing = Listing {
        task,
        files,
        out: BufWriter::with_capacity(OUTPUT_BYTES, io::stdout().lock()),
        failures: 0,
    };
    let listed = listing.run();
    let flushed = listing.out.flush();
    // A reader that is gone has all it wants.
    match listed {
        Ok(()) => report::written_to_stdout(flushed)?,
        Err(Stop::Written(error)) => return report::written_to_stdout(Err(error)),
        Err(Stop::Failed(error)) => return Err(error),
    }
    match listing.failures {
        0 => Ok(()),
        failures => Err(Error::Incomplete {
            path: listing.files.device.path().to_owned(),
            found: report::count(
                failures,
                "file or directory could not be read",
                "files or directories could not be read",
            ),
        }),
    }
}

/// Why a listing ends early.
enum Stop {
    Failed(Error),
    /// Standard output cannot be written to.
    Written(io::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Written(error)
    }
}

struct Listing<'a> {
    task: &'a LsTask,
    files: FileTree,
    out: BufWriter<io::StdoutLock<'a>>,
    /// Files and directories that could not be read.
    failures: u64,
}

impl Listing<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        if self.task.form == ListForm::Csv {
            writeln!(self.out, "{CSV_HEADER}")?;
        }
        let root = [String::from("/")];
        let paths = match self.task.paths.as_slice() {
            [] => &root,
            paths => paths,
        };
        for path in paths {
            match self.files.lookup(path)? {
                Lookup::Found(located) => self.list(located)?,
                Lookup::Missing { .. } if path.contains(['*', '?', '[']) => {
                    self.list_matches(path)?
                }
                Lookup::Missing { parent, name } => {
                    return Err(self.files.missing(&parent, &name).into());
                }
            }
        }
        Ok(())
    }

    fn list(&mut self, located: Located) -> Result<(), Stop> {
        if !located.entry.kind.is_directory() {
            return self.print(&located.path, &located.path, &located.entry);
        }
        self.walk(located, None)
    }

    fn list_matches(&mut self, pattern: &str) -> Result<(), Stop> {
        let matcher = matcher_of(pattern)?;
        let root = self.files.find("/")?;
        self.walk(root, Some(&matcher))
    }

    /// Lists what is in a directory: all that matches, or all.
    fn walk(&mut self, directory: Located, matcher: Option<&GlobMatcher>) -> Result<(), Stop> {
        let mut walk = Walk::new(directory);
        while let Some(found) = walk.next(&mut self.files.tree) {
            match found {
                Found::Entry { entry, .. } if entry.is_system() && !self.task.all => {
                    walk.skip_directory()
                }
                Found::Entry { path, entry } => match matcher {
                    Some(matcher) => {
                        if matcher.is_match(path.trim_start_matches('/')) {
                            self.print(&path, &path, &entry)?;
                        }
                    }
                    None if self.task.is_recursive => self.print(&path, &path, &entry)?,
                    None => {
                        walk.skip_directory();
                        self.print(&path, &entry.name.to_string(), &entry)?;
                    }
                },
                Found::IndexDamaged { path, damage } => report::warning(format_args!(
                    "{path}: its index is damaged, the MFT is used instead: {}",
                    report::with_causes(&damage)
                )),
                Found::Failed { path, error } => self.fail(&path, &error),
            }
        }
        Ok(())
    }

    fn fail(&mut self, path: &str, error: &ntfsclone_core::Error) {
        self.failures += 1;
        report::warning(format_args!("{path}: {}", report::with_causes(error)));
    }

    /// Prints a file; `shown` is its path or its name.
    fn print(&mut self, path: &str, shown: &str, entry: &Entry) -> Result<(), Stop> {
        let form = self.task.form;
        if form == ListForm::Names && !self.task.streams {
            writeln!(self.out, "{}", Visible(shown))?;
            return Ok(());
        }
        let details = match Details::read(self.files.tree.volume(), entry.reference) {
            Ok(details) => details,
            Err(error) => {
                self.fail(path, &error);
                writeln!(self.out, "{}", self.unread_line(path, shown, entry))?;
                return Ok(());
            }
        };
        let line = match form {
            ListForm::Names => Visible(shown).to_string(),
            ListForm::Long => long_line(shown, details.size, &details),
            ListForm::Json => visible_json(&json_of(path, entry, &details).to_string()),
            ListForm::Csv => csv_line(path, entry, &details),
        };
        writeln!(self.out, "{line}")?;
        if self.task.streams && form != ListForm::Json {
            for stream in &details.streams {
                let name = stream.name.to_string();
                let line = match form {
                    ListForm::Long => long_line(&format!("{shown}:{name}"), stream.size, &details),
                    ListForm::Csv => {
                        let of_stream = Details {
                            size: stream.size,
                            allocated: stream.allocated,
                            ..details.clone()
                        };
                        csv_line(&format!("{path}:{name}"), entry, &of_stream)
                    }
                    _ => Visible(format!("{shown}:{name}")).to_string(),
                };
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    /// The line of a file whose record cannot be read: what its directory knows.
    fn unread_line(&self, path: &str, shown: &str, entry: &Entry) -> String {
        let details = Details {
            kind: entry.kind,
            size: entry.size,
            allocated: entry.allocated,
            times: entry.times,
            attributes: entry.attributes,
            links: 1,
            streams: Vec::new(),
            target: None,
            is_encrypted: false,
        };
        match self.task.form {
            ListForm::Names => Visible(shown).to_string(),
            ListForm::Long => long_line(shown, entry.size, &details),
            ListForm::Json => visible_json(&json_of(path, entry, &details).to_string()),
            ListForm::Csv => csv_line(path, entry, &details),
        }
    }
}

/// Matches paths without the first `/`, in any case.
fn matcher_of(pattern: &str) -> Result<GlobMatcher> {
    let pattern = pattern.replace('\\', "/");
    let glob = GlobBuilder::new(pattern.trim_start_matches('/'))
        .case_insensitive(true)
        .literal_separator(true)
        .build();
    let glob = glob.map_err(|error| Error::Usage {
        message: format!("the pattern {pattern:?} is not one: {}", error.kind()),
    })?;
    Ok(glob.compile_matcher())
}

fn long_line(shown: &str, size: u64, details: &Details) -> String {
    let kind = match details.kind {
        kind if kind.is_directory() => 'd',
        kind if kind.is_link() => 'l',
        _ => '-',
    };
    let attributes: String = ATTRIBUTES
        .iter()
        .map(|&(bit, letter)| {
            if details.attributes & bit != 0 {
                letter
            } else {
                '-'
            }
        })
        .collect();
    let time = local_time(details.times.modified, &TimeZone::system());
    let shown = Visible(shown);
    let target = match (&details.target, details.kind) {
        (Some(target), _) => format!(" -> {}", Visible(&target.path)),
        (None, Kind::File) if details.is_encrypted => " [encrypted]".to_owned(),
        (None, Kind::Wof) => " [compressed by WOF]".to_owned(),
        (None, Kind::Dedup) => " [deduplicated]".to_owned(),
        (None, Kind::Cloud) => " [in a cloud]".to_owned(),
        (None, Kind::Reparse(tag) | Kind::ReparseDirectory(tag)) => {
            format!(" [reparse point {tag:#010x}]")
        }
        (None, _) => String::new(),
    };
    format!("{kind}{attributes} {size:>14} {time} {shown}{target}")
}

/// A time in 100 ns since 1601, in UTC; empty before 1970.
fn time(ticks: u64) -> String {
    let seconds = (ticks / 10_000_000).checked_sub(SECONDS_TO_1970.unsigned_abs());
    let Some(seconds) = seconds else {
        return String::new();
    };
    let text = rfc3339(seconds);
    let text = text.trim_end_matches('Z');
    format!("{text}.{:07}Z", ticks % 10_000_000)
}

/// A time in 100 ns since 1601, as the clocks of that zone show it; empty if it is not a time.
fn local_time(ticks: u64, zone: &TimeZone) -> String {
    let seconds = i64::try_from(ticks / 10_000_000).unwrap_or(i64::MAX) - SECONDS_TO_1970;
    match Timestamp::from_second(seconds).ok() {
        Some(timestamp) => {
            let local = zone.to_datetime(timestamp);
            local.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        None => String::new(),
    }
}

fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::File => "file".to_owned(),
        Kind::Directory => "directory".to_owned(),
        Kind::Symlink => "symlink".to_owned(),
        Kind::Junction => "junction".to_owned(),
        Kind::Wof => "wof".to_owned(),
        Kind::Dedup => "dedup".to_owned(),
        Kind::Cloud => "cloud".to_owned(),
        Kind::Reparse(tag) => format!("reparse-{tag:#010x}"),
        Kind::ReparseDirectory(tag) => format!("reparse-directory-{tag:#010x}"),
    }
}

fn json_of(path: &str, entry: &Entry, details: &Details) -> serde_json::Value {
    let streams: Vec<_> = details
        .streams
        .iter()
        .map(|stream| json!({ "name": stream.name.to_string(), "size": stream.size, "allocated": stream.allocated }))
        .collect();
    json!({
        "path": path,
        "name": entry.name.to_string(),
        "short_name": entry.short_name.as_ref().map(ToString::to_string),
        "record": entry.reference.record.0,
        "kind": kind_name(details.kind),
        "size": details.size,
        "allocated": details.allocated,
        "created": time(details.times.created),
        "modified": time(details.times.modified),
        "record_changed": time(details.times.record_changed),
        "accessed": time(details.times.accessed),
        "attributes": details.attributes,
        "links": details.links,
        "streams": streams,
        "target": details.target.as_ref().map(|target| &target.path),
    })
}

fn csv_line(path: &str, entry: &Entry, details: &Details) -> String {
    let quoted = |text: &str| format!("\"{}\"", Visible(text).to_string().replace('"', "\"\""));
    let target = details
        .target
        .as_ref()
        .map_or(String::new(), |target| quoted(&target.path));
    format!(
        "{},{},{},{},{},{},{},{},{:#x},{},{target}",
        quoted(path),
        kind_name(details.kind),
        details.size,
        details.allocated,
        time(details.times.modified),
        time(details.times.created),
        time(details.times.accessed),
        time(details.times.record_changed),
        details.attributes,
        entry.reference.record.0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_zone() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        let table = [
            // 1970, 2024 in winter and in summer.
            (
                116_444_736_000_000_000,
                "1970-01-01 00:00:00",
                "1970-01-01 01:00:00",
            ),
            (
                133_486_272_000_000_000,
                "2024-01-02 00:00:00",
                "2024-01-02 01:00:00",
            ),
            (
                133_643_520_009_999_999,
                "2024-07-02 00:00:00",
                "2024-07-02 02:00:00",
            ),
            (0, "1601-01-01 00:00:00", "1601-01-01 01:00:00"),
        ];
        for (ticks, utc, local) in table {
            assert_eq!(local_time(ticks, &TimeZone::UTC), utc);
            assert_eq!(local_time(ticks, &berlin), local);
        }
        assert_eq!(local_time(u64::MAX, &TimeZone::UTC), "");
    }
}
