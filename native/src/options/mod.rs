//! What was typed, resolved to a task.

mod combinations;
mod convert;
mod distinct_paths;
mod extract;
mod mount;
mod resize;
mod serve;
mod suffix;
mod task;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use ntfsclone_core::clusters::metadata::LogFile;
use ntfsclone_core::tree::By;
use ntfsclone_core::wipe::Times;

pub use resize::Resize;
pub use task::{
    Address, ArchiveFormat, ArchiveOrder, CatFile, CatTask, CheckTask, Compress, ConvertTask,
    CopyKind, CopyScope, CopyTask, DamageTask, Encrypted, Existing, ExtractTarget, ExtractTask,
    FileChecks, Form, HiddenSectors, IndexPlace, Indexing, InfoTask, Input, ListForm, LsTask,
    MapTask, Mismatch, MountTask, MountedAs, NewFields, NewSerial, Options, Origin, Output,
    Progress, Rescue, RestoreTask, ServeTask, Task, Thin, VerifyTask, VolumeChecks, WriteOptions,
};

use crate::cli::{
    self, Cli, Command, Copy, Damage, IndexArgs, Ls, Map, NamesBy, ProgressArgs, ProgressStyle,
    Reflink, Verify,
};
pub use crate::cli::{Algorithm, Direct, NewSize};
use crate::device;
use crate::error::{Error, Result};
use crate::file_hash::sidecar_path;
use crate::input;
use crate::piece_suffix::Suffix;
use crate::report::Reports;

/// Checks what was typed and resolves it.
pub fn resolve(typed: Cli) -> Result<Options> {
    match typed.command {
        Some(Command::Demo) => Ok(Options::new(Task::Demo, Progress::None)),
        Some(Command::Map(typed)) => resolve_map(typed),
        Some(Command::Damage(typed)) => resolve_damage(typed),
        Some(Command::Convert(typed)) => convert::resolve(typed),
        Some(Command::Verify(typed)) => resolve_verify(typed),
        Some(Command::Info(typed)) => {
            let needs_existing = typed.index.index.is_none();
            let mut source = indexed(input_named(typed.source, typed.partition)?, typed.index)?;
            source.indexing.needs_existing = needs_existing;
            let task = Task::Info(InfoTask {
                source,
                json: typed.json,
            });
            Ok(Options::new(task, Progress::None))
        }
        Some(Command::Serve(typed)) => serve::resolve(typed),
        Some(Command::Mount(typed)) => mount::resolve(typed),
        Some(Command::Ls(typed)) => resolve_ls(typed),
        Some(Command::Cat(typed)) => {
            let task = Task::Cat(CatTask {
                file: resolve_cat_file(typed.path, typed.record)?,
                source: indexed(input_named(typed.source, typed.partition)?, typed.index)?,
                range: typed.range,
                encrypted: Encrypted::by_option(typed.efs_raw),
            });
            Ok(Options::new(task, Progress::None))
        }
        Some(Command::Extract(typed)) => extract::resolve(typed),
        None => match typed.copy.generate {
            Some(what) => Ok(Options::new(Task::Generate(what), Progress::None)),
            None => resolve_copy(typed.copy),
        },
    }
}

fn resolve_copy(mut typed: Copy) -> Result<Options> {
    for output in [&mut typed.output, &mut typed.overwrite] {
        *output = output.take().map(dash_for_stdout).transpose()?;
    }
    combinations::check(&typed)?;
    let Some(source) = typed.source.clone() else {
        return usage("no SOURCE is given");
    };
    refuse_same_files(&typed, &source)?;
    refuse_file_beside_pieces(&typed)?;
    let warning = suffix::warning_of_output(&typed);
    let checks = VolumeChecks {
        force: typed.force,
        mismatch: match (typed.ignore_fs_check, typed.strict) {
            (true, _) => Mismatch::Accept,
            (false, true) => Mismatch::Refuse,
            (false, false) => Mismatch::RefuseLoss,
        },
        files: match (typed.check, typed.rescue) {
            (true, _) => FileChecks::All,
            (false, false) => FileChecks::SystemFiles,
            // A failing disk is read for the copy only.
            (false, true) => FileChecks::None,
        },
        threads: typed.threads,
    };
    let output = resolve_output(&typed);
    let reports = output
        .as_ref()
        .map_or(Reports::TO_STDOUT, Reports::beside)
        .as_original();
    let progress = match resolve_progress(&typed.progress) {
        shown @ (Progress::Bar | Progress::None) if percent_wanted(&typed.progress, reports) => {
            Progress::percent(reports, shown.has_bar())
        }
        shown => shown,
    };
    let rescue = typed.rescue.then(|| Rescue {
        retries: typed.retries,
        report: typed.report.clone(),
        mapfile: typed.mapfile.clone(),
    });
    let task = match output {
        None => Task::CheckImage(CheckTask {
            image: input_named(source, typed.partition)?,
            checks,
            rescue,
            direct: typed.direct.direct,
        }),
        Some(output) if typed.restore_image => Task::Restore(RestoreTask {
            image: input_named(source, typed.partition)?,
            checks,
            writing: resolve_writing(&typed, output)?,
            rescue,
        }),
        Some(output) => Task::Copy(CopyTask {
            source,
            partition: typed.partition,
            checks,
            writing: resolve_writing(&typed, output)?,
            rescue,
            kind: resolve_kind(typed),
        }),
    };
    Ok(Options {
        warning,
        ..Options::new(task, progress)
    })
}

fn resolve_output(typed: &Copy) -> Option<Output> {
    let path = typed.output.as_ref().or(typed.overwrite.as_ref())?;
    if path == Path::new("-") {
        return Some(Output::Stdout);
    }
    Some(Output::File {
        path: match typed.split {
            Some(_) => first_piece(path),
            None => path.clone(),
        },
        existing: match (&typed.overwrite, &typed.mapfile) {
            (Some(_), _) if typed.in_place => Existing::Overwrite,
            (Some(_), _) => Existing::Replace,
            (None, Some(_)) => Existing::Continue,
            (None, None) => Existing::Refuse,
        },
    })
}

fn resolve_writing(typed: &Copy, output: Output) -> Result<WriteOptions> {
    let thin = match (typed.sparse, typed.discard) {
        (true, _) => Thin::Holes,
        (false, true) => Thin::Discard,
        (false, false) => Thin::No,
    };
    let hidden_sectors = typed.hidden_sectors;
    let hidden_sectors = hidden_sectors.map(|wanted| match wanted {
        cli::HiddenSectors::Count(count) => Ok(HiddenSectors::Count(count)),
        cli::HiddenSectors::Auto => start_of_partition(&output).map(HiddenSectors::Start),
    });
    let hidden_sectors = hidden_sectors.transpose()?;
    Ok(WriteOptions {
        output,
        resize: resize::resolve(typed.size, typed.sector_size, typed.keep_bad)?,
        split: typed.split,
        checksum: typed.checksum,
        new_fields: NewFields {
            serial: match (typed.new_serial, typed.new_half_serial) {
                (_, true) => Some(NewSerial::Half),
                (true, false) => Some(NewSerial::Full),
                (false, false) => None,
            },
            hidden_sectors,
        },
        thin,
        // Whether it holds zeros is seen of what is read; and so is a checksum made.
        reflink: typed.reflink == Reflink::Auto && thin == Thin::No && typed.checksum.is_none(),
        verify: typed.verify,
        direct: typed.direct.direct,
        as_original: true,
    })
}

/// Where the partition begins on its disk, in bytes, that is written to.
fn start_of_partition(output: &Output) -> Result<u64> {
    let metadata = match output {
        Output::File { path, .. } => fs::metadata(path).ok(),
        Output::Stdout => None,
    };
    let start = metadata.and_then(|metadata| device::partition_start(&metadata));
    start.ok_or_else(|| Error::Usage {
        message: format!(
            "--hidden-sectors=auto goes with a partition, and {} is none: say how many sectors of \
             its disk precede the volume",
            output.name().display()
        ),
    })
}

fn resolve_kind(typed: Copy) -> CopyKind {
    let times = if typed.preserve_timestamps {
        Times::Keep
    } else {
        Times::Reset
    };
    let log_file = if typed.full_logfile {
        LogFile::Whole
    } else {
        LogFile::Start
    };
    CopyKind {
        scope: if typed.metadata {
            CopyScope::Metadata { times, log_file }
        } else {
            CopyScope::Used
        },
        form: if typed.save_image {
            Form::Image
        } else {
            Form::Raw
        },
        compress: typed.compress.map(|level| Compress {
            level,
            note: typed.note,
        }),
    }
}

/// Standard output by whatever name is `-`: reports must not get into it.
fn dash_for_stdout(output: PathBuf) -> Result<PathBuf> {
    match device::descriptor_of(&output) {
        Some(1) => Ok(PathBuf::from("-")),
        Some(2) => usage("standard error is for messages; write to a file, or to - with 2>FILE"),
        _ => Ok(output),
    }
}

/// The first piece of what is written in pieces.
fn first_piece(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(Suffix::first().text());
    PathBuf::from(name)
}

/// A file of the name without a suffix would be read in place of the pieces.
fn refuse_file_beside_pieces(typed: &Copy) -> Result<()> {
    let output = typed.output.as_ref().or(typed.overwrite.as_ref());
    match output.filter(|output| typed.split.is_some() && output.symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(output) => Err(Error::refused(
            output,
            "exists already, and would be read in place of the pieces",
            "--split writes files beside it, named FILE.aa, FILE.ab, ...; give another name",
        )),
    }
}

/// Nothing that is written takes the place of anything else. Whether the output
/// lies on the source is checked where both are known.
fn refuse_same_files(typed: &Copy, source: &Path) -> Result<()> {
    let is_path = |path: &&PathBuf| *path != Path::new("-");
    let output = typed.output.as_ref().or(typed.overwrite.as_ref());
    let output = output.filter(is_path);
    let output = output.map(|output| match typed.split {
        Some(_) => first_piece(output),
        None => output.clone(),
    });
    let sidecar = output
        .as_ref()
        .zip(typed.checksum)
        .map(|(output, algorithm)| ("the file of --checksum", sidecar_path(output, algorithm)));
    // Pieces of an earlier run, which are replaced.
    let replaced = match &output {
        Some(output) if typed.split.is_some() => input::pieces_of(output)?.split_off(1),
        _ => Vec::new(),
    };
    let replaced = replaced
        .into_iter()
        .map(|path| ("a piece of the output", path));
    let beside = [
        typed.mapfile.clone().map(|path| ("--mapfile", path)),
        typed.report.clone().map(|path| ("--report", path)),
        sidecar,
    ];
    let beside: Vec<_> = beside.into_iter().flatten().chain(replaced).collect();
    let output = output.map(|path| ("the output", path));
    distinct_paths::check(&[output.into_iter().collect(), beside.clone()].concat())?;
    let pieces = if source != Path::new("-") && !beside.is_empty() {
        input::pieces_of(source)?
    } else {
        Vec::new()
    };
    let pieces = pieces.into_iter().map(|path| ("SOURCE", path)).collect();
    distinct_paths::check(&[pieces, beside].concat())
}

fn resolve_map(mut typed: Map) -> Result<Options> {
    typed.output = dash_for_stdout(typed.output)?;
    if typed.source == Path::new("-") {
        return usage("a volume cannot be read from standard input");
    }
    let task = Task::Map(MapTask {
        source: typed.source,
        partition: typed.partition,
        output: if typed.output == Path::new("-") {
            Output::Stdout
        } else {
            Output::File {
                path: typed.output,
                existing: Existing::Refuse,
            }
        },
        format: typed.format,
        checks: VolumeChecks {
            force: typed.force,
            mismatch: if typed.ignore_fs_check {
                Mismatch::Accept
            } else {
                Mismatch::RefuseLoss
            },
            files: FileChecks::None,
            threads: typed.threads,
        },
        rescue: typed.rescue.then_some(Rescue {
            retries: 0,
            report: None,
            mapfile: None,
        }),
    });
    let progress = resolve_progress(&typed.progress);
    Ok(Options::new(task, progress))
}

fn resolve_damage(typed: Damage) -> Result<Options> {
    if typed.source == Path::new("-") {
        return usage("a copy cannot be looked through on standard input");
    }
    let progress = resolve_progress(&typed.progress);
    let task = Task::Damage(DamageTask {
        source: typed.source,
        partition: typed.partition,
        mapfile: typed.map,
        json: typed.json,
    });
    Ok(Options::new(task, progress))
}

fn resolve_verify(typed: Verify) -> Result<Options> {
    let is_stdin = |path: &Path| path == Path::new("-");
    if is_stdin(&typed.image) && typed.against.as_deref().is_some_and(is_stdin) {
        return usage("standard input cannot be compared with itself");
    }
    let task = Task::Verify(VerifyTask {
        keeps_index: typed.index.index.is_some(),
        image: indexed(input_named(typed.image, typed.partition)?, typed.index)?,
        against: typed
            .against
            .map(|other| input_named(other, None))
            .transpose()?,
        deep: typed.deep,
        json: typed.json,
        direct: typed.direct.direct,
        threads: typed.threads,
    });
    let progress = resolve_progress(&typed.progress);
    Ok(Options::new(task, progress))
}

fn resolve_ls(typed: Ls) -> Result<Options> {
    let task = Task::Ls(LsTask {
        source: indexed(input_named(typed.source, typed.partition)?, typed.index)?,
        paths: typed.paths,
        form: match (typed.long, typed.json, typed.csv) {
            (true, ..) => ListForm::Long,
            (_, true, _) => ListForm::Json,
            (.., true) => ListForm::Csv,
            _ => ListForm::Names,
        },
        is_recursive: typed.recursive,
        all: typed.all,
        streams: typed.streams,
        deleted: typed.deleted,
        by: match typed.by {
            NamesBy::Index => By::Index,
            NamesBy::Mft => By::Mft,
        },
    });
    Ok(Options::new(task, Progress::None))
}

fn resolve_cat_file(path: Option<String>, record: Option<u64>) -> Result<CatFile> {
    let path = path.unwrap_or_default();
    let Some(number) = record else {
        return Ok(CatFile::Path(path));
    };
    let stream = match path.strip_prefix(':') {
        Some(stream) => stream.to_owned(),
        None if path.is_empty() => path,
        None => return usage("--record names the file: after it goes :STREAM, or nothing"),
    };
    Ok(CatFile::Record { number, stream })
}

/// What is named on the command line as something to read.
fn input_named(name: PathBuf, partition: Option<u32>) -> Result<Input> {
    let is_stdin = name == Path::new("-") || device::descriptor_of(&name) == Some(0);
    if is_stdin && io::stdin().is_terminal() {
        return usage(
            "standard input is a terminal, where no image comes from; name a file, or redirect \
             one: ... < FILE",
        );
    }
    Ok(Input {
        origin: if name == Path::new("-") {
            Origin::Stdin
        } else {
            Origin::File(name)
        },
        partition,
        indexing: Indexing::default(),
    })
}

/// The same, with the index that was typed.
fn indexed(mut input: Input, typed: IndexArgs) -> Result<Input> {
    input.indexing.place = match (typed.index, &input.origin) {
        (None, _) => IndexPlace::Cache,
        (Some(None), Origin::Stdin) => {
            return usage("nothing is beside standard input; name the index: --index=FILE");
        }
        (Some(None), Origin::File(_)) => IndexPlace::Beside,
        (Some(Some(path)), _) => IndexPlace::File(path),
    };
    Ok(input)
}

fn resolve_progress(typed: &ProgressArgs) -> Progress {
    match typed.progress {
        Some(ProgressStyle::Bar) => Progress::Bar,
        Some(ProgressStyle::Json) => Progress::Json,
        Some(ProgressStyle::None) => Progress::None,
        Some(ProgressStyle::Auto) | None if !typed.quiet && io::stderr().is_terminal() => {
            Progress::Bar
        }
        Some(ProgressStyle::Auto) | None => Progress::None,
    }
}

/// True where the original's percent are shown: none of our styles was asked for,
/// and a program reads the reports.
fn percent_wanted(typed: &ProgressArgs, reports: Reports) -> bool {
    let is_default = matches!(typed.progress, Some(ProgressStyle::Auto) | None);
    is_default && !typed.quiet && !reports.is_terminal()
}

/// What is wrong with a checksum of what is written here and there.
pub const OUT_OF_ORDER: &str = "raw metadata and raw copies with --rescue are not written in order, so that --checksum \
     cannot be made meanwhile; use --save-image too, or b3sum afterwards";

fn usage<T>(message: &str) -> Result<T> {
    Err(Error::Usage {
        message: message.to_owned(),
    })
}
