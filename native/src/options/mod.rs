//! What was typed, resolved to a task.

mod combinations;

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ntfsclone_core::clusters::metadata::LogFile;
use ntfsclone_core::wipe::Times;

pub use crate::cli::{Algorithm, Direct};
use crate::cli::{Cli, Command, Copy, Generated, Map, MapFormat, ProgressStyle, Reflink, Verify};
use crate::error::{Error, Result};

/// What to do, and how to tell of it.
#[derive(Debug)]
pub struct Options {
    pub task: Task,
    pub progress: Progress,
}

#[derive(Debug)]
pub enum Task {
    /// Copy a volume, raw or as an image.
    Copy(CopyTask),
    /// Write the volume in an image.
    Restore(RestoreTask),
    /// Read an image and write nothing.
    CheckImage(CheckTask),
    /// Print which bytes of a volume are in use.
    Map(MapTask),
    /// Check an image or volume to its last byte.
    Verify(VerifyTask),
    /// Tell what is known of an image or volume.
    Info(InfoTask),
    Demo,
    Generate(Generated),
}

#[derive(Debug, Clone)]
pub struct CopyTask {
    pub source: PathBuf,
    /// The partition with this number, of a whole disk.
    pub partition: Option<u32>,
    pub content: Content,
    pub form: Form,
    pub compress: Option<Compress>,
    pub output: Output,
    pub checksum: Option<Algorithm>,
    pub new_serial: Option<NewSerial>,
    /// Share the room of the source, where that can be done.
    pub reflink: bool,
    pub thin: Thin,
    /// Read back what was written.
    pub verify: bool,
    /// Accept a dirty volume.
    pub force: bool,
    pub mismatch: Mismatch,
    pub rescue: Option<Rescue>,
    pub direct: Direct,
    /// For the scan, and to compress; None is up to the program.
    pub threads: Option<NonZeroUsize>,
}

impl CopyTask {
    /// A raw copy as it is: each byte has its place from the start.
    pub fn is_plain(&self) -> bool {
        self.form == Form::Raw && self.compress.is_none()
    }
}

#[derive(Debug)]
pub struct RestoreTask {
    pub image: Input,
    /// What to do if it is a volume.
    pub volume: VolumeChecks,
    pub output: Output,
    pub checksum: Option<Algorithm>,
    pub new_serial: Option<NewSerial>,
    pub thin: Thin,
    /// Read back what was written.
    pub verify: bool,
    pub rescue: Option<Rescue>,
    pub direct: Direct,
}

#[derive(Debug)]
pub struct CheckTask {
    pub image: Input,
    /// What to do if it is a volume.
    pub volume: VolumeChecks,
    pub rescue: Option<Rescue>,
    pub direct: Direct,
}

/// What is to be said against a volume that was taken for an image.
#[derive(Debug, Clone, Copy)]
pub struct VolumeChecks {
    /// Accept a dirty volume.
    pub force: bool,
    pub mismatch: Mismatch,
    /// Share the room of the source, where that can be done.
    pub reflink: bool,
    /// For the scan; None is up to the program.
    pub threads: Option<NonZeroUsize>,
}

#[derive(Debug)]
pub struct MapTask {
    pub source: PathBuf,
    /// The partition with this number, of a whole disk.
    pub partition: Option<u32>,
    pub output: Output,
    pub format: MapFormat,
    /// Accept a volume that is mounted read-write.
    pub force: bool,
    pub mismatch: Mismatch,
    pub rescue: Option<Rescue>,
    /// For the scan; None is up to the program.
    pub threads: Option<NonZeroUsize>,
}

#[derive(Debug)]
pub struct VerifyTask {
    pub image: Input,
    /// What to compare it with.
    pub against: Option<Input>,
    /// Keep where the clusters are beside the image.
    pub index: bool,
    pub json: bool,
    pub direct: Direct,
    /// For the scan; None is up to the program.
    pub threads: Option<NonZeroUsize>,
}

#[derive(Debug)]
pub struct InfoTask {
    pub source: Input,
    pub json: bool,
}

/// How to go on after read errors.
#[derive(Debug, Clone)]
pub struct Rescue {
    /// How often to try a bad sector again.
    pub retries: u32,
    /// Where to write what was lost.
    pub report: Option<PathBuf>,
    /// Where to note what is saved, for a later run to go on.
    pub mapfile: Option<PathBuf>,
}

/// How to compress.
#[derive(Debug, Clone)]
pub struct Compress {
    /// Of zstd, from 1 to 22.
    pub level: i32,
    /// What to keep in the file.
    pub note: Option<String>,
}

/// What of a volume is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// All clusters in use.
    Used,
    /// Metadata, anonymised.
    Metadata { times: Times, log_file: LogFile },
}

/// What to do where files and $Bitmap disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// Refuse the volume.
    Refuse,
    /// Refuse it, but for clusters that only $Bitmap marks: these are copied.
    RefuseLoss,
    /// Copy what either marks.
    Accept,
}

/// What a copy of a volume is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Raw,
    Image,
}

/// What an image or volume is read from.
#[derive(Debug, Clone)]
pub struct Input {
    pub origin: Origin,
    /// The partition with this number, of a whole disk.
    pub partition: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Stdin,
    File(PathBuf),
}

/// Where to write.
#[derive(Debug, Clone)]
pub enum Output {
    Stdout,
    File { path: PathBuf, existing: Existing },
}

impl Output {
    /// What to call it in messages.
    pub fn name(&self) -> PathBuf {
        match self {
            Self::Stdout => PathBuf::from("standard output"),
            Self::File { path, .. } => path.clone(),
        }
    }
}

/// What to do with a file that exists under the name of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    /// Put the new file in its place when it is complete.
    Replace,
    /// Write over it.
    Overwrite,
    /// Go on with it: it was begun by a rescue that has a map file.
    Continue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewSerial {
    Full,
    /// Keep the lower 32 bits.
    Half,
}

/// What is done to keep a raw volume from taking more room than it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thin {
    /// Nothing: clusters in use are written, the others left alone.
    No,
    /// Clusters in use that hold only zeros become holes of a file.
    Holes,
    /// A device is told which clusters are free.
    Discard,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Bar,
    Json,
    None,
}

impl Input {
    /// What to call it in messages.
    pub fn name(&self) -> PathBuf {
        match &self.origin {
            Origin::Stdin => PathBuf::from("standard input"),
            Origin::File(path) => path.clone(),
        }
    }
}

/// Checks what was typed and resolves it.
pub fn resolve(typed: Cli) -> Result<Options> {
    match typed.command {
        Some(Command::Demo) => Ok(Options {
            task: Task::Demo,
            progress: Progress::None,
        }),
        Some(Command::Map(typed)) => resolve_map(typed),
        Some(Command::Verify(typed)) => resolve_verify(typed),
        Some(Command::Info(typed)) => Ok(Options {
            task: Task::Info(InfoTask {
                source: input(typed.source, typed.partition),
                json: typed.json,
            }),
            progress: resolve_progress(None, false),
        }),
        None => match typed.copy.generate {
            Some(what) => Ok(Options {
                task: Task::Generate(what),
                progress: Progress::None,
            }),
            None => resolve_copy(typed.copy),
        },
    }
}

fn resolve_copy(typed: Copy) -> Result<Options> {
    combinations::check(&typed)?;
    let progress = resolve_progress(typed.progress, typed.quiet);
    let Some(source) = typed.source else {
        return usage("no SOURCE is given");
    };
    let new_serial = match (typed.new_serial, typed.new_half_serial) {
        (_, true) => Some(NewSerial::Half),
        (true, false) => Some(NewSerial::Full),
        (false, false) => None,
    };
    let thin = match (typed.sparse, typed.discard) {
        (true, _) => Thin::Holes,
        (false, true) => Thin::Discard,
        (false, false) => Thin::No,
    };
    let image = Input {
        origin: match source == Path::new("-") {
            true => Origin::Stdin,
            false => Origin::File(source.clone()),
        },
        partition: typed.partition,
    };
    let mismatch = match (typed.ignore_fs_check, typed.strict) {
        (true, _) => Mismatch::Accept,
        (false, true) => Mismatch::Refuse,
        (false, false) => Mismatch::RefuseLoss,
    };
    // Whether it holds zeros is seen of what is read; and so is a checksum made.
    let reflink = typed.reflink == Reflink::Auto && thin == Thin::No && typed.checksum.is_none();
    let volume = VolumeChecks {
        force: typed.force,
        mismatch,
        reflink,
        threads: typed.threads,
    };
    let output = match (typed.output, typed.overwrite) {
        (Some(path), None) | (None, Some(path)) if path == Path::new("-") => Some(Output::Stdout),
        (Some(path), None) => Some(Output::File {
            path,
            existing: match typed.mapfile {
                Some(_) => Existing::Continue,
                None => Existing::Refuse,
            },
        }),
        (None, Some(path)) => Some(Output::File {
            path,
            existing: match typed.in_place {
                true => Existing::Overwrite,
                false => Existing::Replace,
            },
        }),
        _ => None,
    };
    let rescue = typed.rescue.then_some(Rescue {
        retries: typed.retries,
        report: typed.report,
        mapfile: typed.mapfile,
    });
    let task = match output {
        None => Task::CheckImage(CheckTask {
            image,
            volume,
            rescue,
            direct: typed.direct,
        }),
        Some(output) if typed.restore_image => Task::Restore(RestoreTask {
            image,
            volume,
            output,
            checksum: typed.checksum,
            new_serial,
            thin,
            verify: typed.verify,
            rescue,
            direct: typed.direct,
        }),
        Some(output) => Task::Copy(CopyTask {
            source,
            partition: typed.partition,
            form: match typed.save_image {
                true => Form::Image,
                false => Form::Raw,
            },
            compress: typed.compress.map(|level| Compress {
                level,
                note: typed.note,
            }),
            output,
            checksum: typed.checksum,
            new_serial,
            reflink,
            thin,
            verify: typed.verify,
            content: match typed.metadata {
                true => Content::Metadata {
                    times: match typed.preserve_timestamps {
                        true => Times::Keep,
                        false => Times::Reset,
                    },
                    log_file: match typed.full_logfile {
                        true => LogFile::Whole,
                        false => LogFile::Start,
                    },
                },
                false => Content::Used,
            },
            force: typed.force,
            mismatch,
            rescue,
            direct: typed.direct,
            threads: typed.threads,
        }),
    };
    Ok(Options { task, progress })
}

fn resolve_map(typed: Map) -> Result<Options> {
    if typed.source == Path::new("-") {
        return usage("a volume cannot be read from standard input");
    }
    let task = Task::Map(MapTask {
        source: typed.source,
        partition: typed.partition,
        output: match typed.output == Path::new("-") {
            true => Output::Stdout,
            false => Output::File {
                path: typed.output,
                existing: Existing::Refuse,
            },
        },
        format: typed.format,
        force: typed.force,
        mismatch: match typed.ignore_fs_check {
            true => Mismatch::Accept,
            false => Mismatch::RefuseLoss,
        },
        rescue: typed.rescue.then_some(Rescue {
            retries: 0,
            report: None,
            mapfile: None,
        }),
        threads: typed.threads,
    });
    let progress = resolve_progress(typed.progress, typed.quiet);
    Ok(Options { task, progress })
}

fn resolve_verify(typed: Verify) -> Result<Options> {
    let is_stdin = |path: &Path| path == Path::new("-");
    if is_stdin(&typed.image) && typed.against.as_deref().is_some_and(is_stdin) {
        return usage("standard input cannot be compared with itself");
    }
    let task = Task::Verify(VerifyTask {
        image: input(typed.image, typed.partition),
        against: typed.against.map(|other| input(other, None)),
        index: typed.index,
        json: typed.json,
        direct: typed.direct,
        threads: typed.threads,
    });
    let progress = resolve_progress(typed.progress, typed.quiet);
    Ok(Options { task, progress })
}

/// What is named on the command line as something to read.
fn input(name: PathBuf, partition: Option<u32>) -> Input {
    Input {
        origin: match name == Path::new("-") {
            true => Origin::Stdin,
            false => Origin::File(name),
        },
        partition,
    }
}

fn resolve_progress(style: Option<ProgressStyle>, quiet: bool) -> Progress {
    match (style, quiet) {
        (Some(ProgressStyle::Bar), _) => Progress::Bar,
        (Some(ProgressStyle::Json), _) => Progress::Json,
        (Some(ProgressStyle::None), _) | (_, true) => Progress::None,
        (Some(ProgressStyle::Auto) | None, false) => match std::io::stderr().is_terminal() {
            true => Progress::Bar,
            false => Progress::None,
        },
    }
}

/// What is wrong with a checksum of what is written here and there.
pub const OUT_OF_ORDER: &str = "raw metadata and raw copies with --rescue are not written in order, so that --checksum \
     cannot be made meanwhile; use --save-image too, or b3sum afterwards";

fn usage<T>(message: &str) -> Result<T> {
    Err(Error::Usage {
        message: message.to_owned(),
    })
}
