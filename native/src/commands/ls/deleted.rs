//! Lists deleted files.

use std::io::{self, BufWriter, Write};

use globset::GlobMatcher;
use ntfsclone_core::tree::{By, DeletedFile, Recovery, deleted_files, join};
use serde_json::json;

use super::{CSV_HEADER, FileTree, csv_line, json_of, long_line, matcher_of};
use crate::error::{Error, Result};
use crate::options::{ListForm, LsTask};
use crate::report;
use crate::visible::{Visible, visible_json};

/// The directory of a file whose own is not known: no name has this character.
const UNKNOWN_DIRECTORY: &str = "?";

pub fn run(task: &LsTask) -> Result<()> {
    let files = FileTree::open(&task.source, By::Index)?;
    let matchers = task.paths.iter().map(|path| matchers_of(path));
    let matchers = matchers.collect::<Result<Vec<_>>>()?.concat();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written = match task.form {
        ListForm::Csv => writeln!(out, "{CSV_HEADER},clusters,free,stored,recovery"),
        _ => Ok(()),
    };
    let mut not_stored = 0_u64;
    let listed = deleted_files(files.tree.volume(), &mut |file| {
        let directory = file.directory.as_deref().unwrap_or(UNKNOWN_DIRECTORY);
        let path = join(directory, &file.entry.name.to_string());
        let is_wanted = |matcher: &GlobMatcher| matcher.is_match(path.trim_start_matches('/'));
        if written.is_err() || !matchers.is_empty() && !matchers.iter().any(is_wanted) {
            return;
        }
        not_stored += u64::from(file.recovery() == Recovery::NotStored);
        written = writeln!(out, "{}", line(task.form, &path, &file));
    });
    listed.map_err(|error| Error::read(files.device.path(), error))?;
    report::written_to_stdout(written.and_then(|()| out.flush()))?;
    if not_stored > 0 {
        report::warning(format_args!(
            "{}: it does not hold the clusters of {}: an image of used clusters has none that are free",
            files.device.path().display(),
            report::count(not_stored, "deleted file", "deleted files"),
        ));
    }
    Ok(())
}

/// What matches a path, and all below it.
fn matchers_of(path: &str) -> Result<Vec<GlobMatcher>> {
    let path = path.trim_end_matches(['/', '\\']);
    let below = format!("{path}/**");
    match path {
        "" => Ok(vec![matcher_of("**")?]),
        path => Ok(vec![matcher_of(path)?, matcher_of(&below)?]),
    }
}

fn line(form: ListForm, path: &str, file: &DeletedFile) -> String {
    let (record, details) = (file.entry.reference.record, &file.details);
    let recovery = recovery_name(file.recovery());
    let shown = format!("{:>8} {recovery:<12}", record.0);
    match form {
        ListForm::Names => format!("{shown} {}", Visible(path)),
        ListForm::Long => format!("{shown} {}", long_line(path, details.size, details)),
        ListForm::Json => visible_json(&json_of_deleted(path, file).to_string()),
        ListForm::Csv => format!(
            "{},{},{},{},{recovery}",
            csv_line(path, &file.entry, details),
            file.clusters,
            file.free,
            file.stored
        ),
    }
}

fn json_of_deleted(path: &str, file: &DeletedFile) -> serde_json::Value {
    let mut object = json_of(path, &file.entry, &file.details);
    if file.directory.is_none() {
        object["path"] = serde_json::Value::Null;
    }
    object["deleted"] = json!({
        "sequence_number": file.entry.reference.sequence_number,
        "recovery": recovery_name(file.recovery()),
        "clusters": file.clusters,
        "free": file.free,
        "stored": file.stored,
    });
    object
}

fn recovery_name(recovery: Recovery) -> &'static str {
    match recovery {
        Recovery::Whole => "recoverable",
        Recovery::Partly => "partly",
        Recovery::Overwritten => "overwritten",
        Recovery::NotStored => "not-in-image",
    }
}
