//! What the program can be asked to do.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use ntfsclone_core::clusters::metadata::LogFile;
use ntfsclone_core::wipe::Times;

use crate::cli::{Algorithm, Direct, Generated, MapFormat};

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
