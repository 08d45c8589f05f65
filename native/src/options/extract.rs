//! `extract`, resolved to a task.

use std::path::Path;

use ntfsclone_core::tree::By;

use super::task::{
    ArchiveFormat, ArchiveOrder, Encrypted, Existing, ExtractTarget, ExtractTask, Options, Output,
    Task,
};
use super::{dash_for_stdout, indexed, input_named, resolve_progress};
use crate::cli::{Extract, Links, NamesBy};
use crate::error::{Error, Result};

pub(super) fn resolve(typed: Extract) -> Result<Options> {
    let progress = resolve_progress(&typed.progress);
    let target = target_of(&typed)?;
    if let ExtractTarget::Archive(order) = &target
        && order.format == ArchiveFormat::Zip
        && typed.xattrs
    {
        return usage(
            "archives of zip have no extended attributes; --xattrs goes with -C and --tar",
        );
    }
    let task = Task::Extract(ExtractTask {
        source: indexed(input_named(typed.source, typed.partition)?, typed.index)?,
        paths: typed.paths,
        target,
        keeps_links: typed.links == Links::Keep,
        xattrs: typed.xattrs,
        encrypted: Encrypted::by_option(typed.efs_raw),
        by: match typed.by {
            NamesBy::Index => By::Index,
            NamesBy::Mft => By::Mft,
        },
    });
    Ok(Options::new(task, progress))
}

fn target_of(typed: &Extract) -> Result<ExtractTarget> {
    let format = match (typed.tar, typed.zip) {
        (true, true) => return usage("--tar and --zip are two formats; choose one"),
        (true, false) => Some(ArchiveFormat::Tar),
        (false, true) => Some(ArchiveFormat::Zip),
        (false, false) => None,
    };
    let output = typed.output.clone().map(dash_for_stdout).transpose()?;
    let is_archive = format.is_some() || output.is_some();
    if let Some(folder) = &typed.folder {
        return match is_archive {
            true => usage("--directory is for files, --tar, --zip and --output for one archive"),
            false => Ok(ExtractTarget::Folder {
                path: folder.clone(),
                replaces: typed.overwrite,
            }),
        };
    }
    let output = output.unwrap_or_else(|| "-".into());
    let Some(format) = format.or_else(|| format_by_name(&output)) else {
        return match is_archive {
            true => usage(
                "the name of the archive does not say its format; give one with --tar or --zip",
            ),
            false => usage(
                "it is not given where to write: -C DIR for a folder, --tar or --zip for an \
                 archive",
            ),
        };
    };
    let is_stdout = output == Path::new("-");
    if is_stdout && typed.overwrite {
        return usage("--overwrite goes with a folder or the name of a file");
    }
    Ok(ExtractTarget::Archive(ArchiveOrder {
        format,
        output: match is_stdout {
            true => Output::Stdout,
            false => Output::File {
                path: output,
                existing: match typed.overwrite {
                    true => Existing::Replace,
                    false => Existing::Refuse,
                },
            },
        },
    }))
}

fn format_by_name(output: &Path) -> Option<ArchiveFormat> {
    let extension = output.extension()?.to_str()?;
    if extension.eq_ignore_ascii_case("tar") {
        Some(ArchiveFormat::Tar)
    } else if extension.eq_ignore_ascii_case("zip") {
        Some(ArchiveFormat::Zip)
    } else {
        None
    }
}

fn usage<T>(message: &str) -> Result<T> {
    Err(Error::CommandUsage {
        command: "extract".to_owned(),
        message: message.to_owned(),
    })
}
