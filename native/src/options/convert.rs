//! `convert`, resolved to a task.

use std::path::{Path, PathBuf};

use ntfsclone_core::write::{Conversion, DiskSupport, NTFSCLONE, Partitioning, Writer};

use super::task::{
    Compress, ConvertTask, CopyKind, CopyScope, Existing, FileChecks, Form, Mismatch, NewFields,
    Options, Output, Task, Thin, VolumeChecks, WriteOptions,
};
use super::{
    dash_for_stdout, distinct_paths, input_named, resize, resolve_progress, suffix, usage,
};
use crate::cli::{Convert, DiskTable, convertible};
use crate::error::{Error, Result};
use crate::file_hash::sidecar_path;
use crate::input;

/// Bytes of a sector of the disks that are written, but of VHDX.
const SECTOR: u32 = 512;

pub(super) fn resolve(typed: Convert) -> Result<Options> {
    let progress = resolve_progress(&typed.progress);
    let (Some(source), Some(output)) = (typed.source, typed.output) else {
        return Ok(Options::new(Task::ListFormats, progress));
    };
    let output = dash_for_stdout(output)?;
    let is_stdout = output == Path::new("-");
    if is_stdout && typed.overwrite {
        return usage("--overwrite goes with a file");
    }
    if is_stdout && typed.checksum.is_some() {
        return usage("--checksum needs the name of a file");
    }
    if is_stdout && typed.verify {
        return usage("--verify reads back what was written to a file");
    }
    let writer = match typed.to {
        Some(writer) => writer,
        None => writer_by_name(&output)?,
    };
    let partitioning = typed.disk.map(|table| match table {
        DiskTable::Gpt => Partitioning::Gpt,
        DiskTable::Mbr => Partitioning::Mbr,
        DiskTable::None => Partitioning::None,
    });
    let form = form(writer, partitioning)?;
    let resize = resize::resolve(typed.size, typed.sector_size, typed.keep_bad)?;
    refuse_large_sectors(form, typed.sector_size)?;
    let warning = suffix::warning_of(&output, typed.compress.is_some());
    let sidecar = typed
        .checksum
        .map(|algorithm| ("the file of --checksum", sidecar_path(&output, algorithm)));
    refuse_sources(&source, sidecar)?;
    let task = Task::Convert(ConvertTask {
        source: input_named(source, typed.partition)?,
        kind: CopyKind {
            scope: CopyScope::Used,
            form,
            compress: typed.compress.map(|level| Compress { level, note: None }),
        },
        partitioning,
        checks: VolumeChecks {
            force: typed.force,
            mismatch: Mismatch::RefuseLoss,
            files: FileChecks::SystemFiles,
            threads: typed.threads,
        },
        writing: WriteOptions {
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
            resize,
            split: None,
            checksum: typed.checksum,
            new_fields: NewFields::default(),
            thin: Thin::No,
            reflink: false,
            verify: typed.verify,
            direct: typed.direct.direct,
            as_original: false,
        },
    });
    Ok(Options {
        warning,
        ..Options::new(task, progress)
    })
}

/// The form of an output in the format of `writer`.
fn form(writer: &'static Writer, partitioning: Option<Partitioning>) -> Result<Form> {
    let conversion = Conversion::new(writer, partitioning).ok_or_else(|| Error::Usage {
        message: format!(
            "--disk goes with raw and virtual disks; {} holds a volume without a disk",
            writer.id
        ),
    })?;
    Ok(if writer == &NTFSCLONE {
        Form::Image
    } else if conversion.is_raw_volume() {
        Form::Raw
    } else {
        Form::Converted(conversion)
    })
}

/// A volume is mounted only from a disk that has sectors of the same size.
fn refuse_large_sectors(form: Form, sector_size: Option<u32>) -> Result<()> {
    let (Form::Converted(conversion), Some(sector_size)) = (form, sector_size) else {
        return Ok(());
    };
    let writer = conversion.writer;
    match writer.disk {
        DiskSupport::Bytes | DiskSupport::Disk if sector_size > SECTOR => Err(Error::Usage {
            message: format!(
                "--sector-size={sector_size} does not go with a disk of {}, which has sectors of \
                 {SECTOR} bytes: Windows mounts a volume only from a disk with sectors of its \
                 size; those of a vhdx can have {sector_size}",
                writer.id
            ),
        }),
        _ => Ok(()),
    }
}

/// The format that the name of the output ends in, before the ending of compressed files.
fn writer_by_name(output: &Path) -> Result<&'static Writer> {
    let name = match suffix::is_compressed(output) {
        true => output.with_extension(""),
        false => output.to_owned(),
    };
    let extension = name.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    let mut writers = convertible();
    let found = writers.find(|writer| writer.extensions.contains(&&*extension));
    found.ok_or_else(|| {
        let names: Vec<&str> = convertible().map(|writer| writer.id).collect();
        Error::CommandUsage {
            command: "convert".to_owned(),
            message: format!(
                "the name of the output, {}, does not say its format; give one with --to: {}",
                output.display(),
                names.join(", ")
            ),
        }
    })
}

/// A checksum must not take the place of what is read. Whether the output does is checked where
/// both are known.
fn refuse_sources(source: &Path, sidecar: Option<(&'static str, PathBuf)>) -> Result<()> {
    let Some(sidecar) = sidecar.filter(|_| source != Path::new("-")) else {
        return Ok(());
    };
    let pieces = input::pieces_of(source)?;
    let pieces = pieces.into_iter().map(|path| ("SOURCE", path)).collect();
    distinct_paths::check(&[pieces, vec![sidecar]].concat())
}
