//! What an output takes the place of: a partition table, a file system, another
//! volume.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use ntfsclone_core::open::{Content, FORMATS, Kind, PartitionTable, Probe, Role};

use super::place::Place;
use crate::error::{Error, Result};
use crate::input::Files;
use crate::options::Output;
use crate::report::Reports;
use crate::visible::Visible;

/// Refuses to write over a partition table, which is nearly always the wrong
/// target: `/dev/sdb` for `/dev/sdb1`. Reports anything else but NTFS that is
/// overwritten, and asks about it if somebody sits at a terminal. To be called
/// before the output is opened. `force` accepts everything.
///
/// # Errors
///
/// [`Error::Refused`].
pub fn judge_overwritten(
    output: &Output,
    place: Place,
    force: bool,
    reports: Reports,
) -> Result<()> {
    let Output::File { path, .. } = output else {
        return Ok(());
    };
    if !matches!(
        place,
        Place::BlockDevice | Place::InPlace(_) | Place::ExistingFile
    ) {
        return Ok(());
    }
    let target = Files::open(std::slice::from_ref(path))?;
    if let Some(table) = PartitionTable::to_protect(&target) {
        let found = describe(&table);
        if !force {
            return Err(Error::refused(
                path,
                found,
                "name one of its partitions; or write over the whole disk with --force",
            ));
        }
        report_overwritten(path, &found, reports);
        return Ok(());
    }
    // A file that is replaced is not written to.
    if place == Place::ExistingFile {
        return Ok(());
    }
    let Some(found) = content_of(&target) else {
        return Ok(());
    };
    report_overwritten(path, found, reports);
    if !force && is_interactive() && !ask(path, found) {
        return Err(Error::refused(
            path,
            format!("{found}, and stays as it is"),
            "to write over it without a question, give --force",
        ));
    }
    Ok(())
}

/// Refuses metadata without the content of files as what a device gets: it looks
/// like a volume whose files are all there, and takes the content of small files
/// from a volume that is there already.
///
/// # Errors
///
/// [`Error::Refused`].
pub fn refuse_metadata(output: &Output, place: Place, force: bool) -> Result<()> {
    match (output, place) {
        (Output::File { path, .. }, Place::BlockDevice) if !force => Err(Error::refused(
            path,
            "is a device, and metadata alone would take the place of what is on it",
            "write metadata to a file; or do it all the same with --force",
        )),
        _ => Ok(()),
    }
}

fn report_overwritten(path: &Path, found: &str, reports: Reports) {
    reports.line(format_args!(
        "Overwriting: {}, which {found}",
        path.display()
    ));
}

/// What a target holds, as a message names it; `None` for NTFS, and for nothing
/// that is known.
fn content_of(target: &Files) -> Option<&'static str> {
    let content = Probe::new(target).ok()?.content();
    let name_of = |role: Role| {
        FORMATS
            .iter()
            .copied()
            .flatten()
            .find(|format| format.role == role)
    };
    let format = match content {
        Content::Refused(format) => match format.role {
            Role::Lost { .. } => return None,
            _ => format,
        },
        Content::Image => name_of(Role::Image)?,
        Content::Compressed(_) => name_of(Role::Compressed)?,
        Content::Container(container) => name_of(Role::Container(container))?,
        _ => return None,
    };
    Some(format.name)
}

fn describe(table: &PartitionTable) -> String {
    let kind = match table.kind {
        Kind::Mbr => "MBR",
        Kind::Gpt => "GPT",
    };
    let count = match table.partitions.len() {
        0 => "which would be lost".to_owned(),
        1 => "and the partition in it would be lost".to_owned(),
        count => format!("and the {count} partitions in it would be lost"),
    };
    format!("has a partition table ({kind}), {count}")
}

/// True if somebody can be asked. Programs that restore over old partitions are
/// never stopped by a question.
fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

fn ask(path: &Path, found: &str) -> bool {
    let question = format!(
        "ntfsclone: {} {found}. Write over it? [y/N] ",
        path.display()
    );
    let _ = write!(io::stderr(), "{}", Visible(question));
    let _ = io::stderr().flush();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    let answer = answer.trim();
    read.is_ok() && (answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"))
}
