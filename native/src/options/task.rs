//! What the program can be asked to do.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ntfsclone_core::clusters::metadata::LogFile;
use ntfsclone_core::tree::By;
use ntfsclone_core::wipe::Times;
use ntfsclone_core::write::{Conversion, Partitioning, VMDK};

use super::resize::Resize;
use crate::cli::{Algorithm, ByteRange, Direct, Generated, MapFormat};
use crate::host::percent::{Part, Percent};
use crate::report::Reports;

/// What to do, and how to tell of it.
#[derive(Debug)]
pub struct Options {
    pub task: Task,
    pub progress: Progress,
    /// Of what was typed.
    pub warning: Option<String>,
}

impl Options {
    /// Without a warning.
    pub fn new(task: Task, progress: Progress) -> Self {
        Self {
            task,
            progress,
            warning: None,
        }
    }
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
    /// Name the files that a copy lacks data of.
    Damage(DamageTask),
    /// Check an image or volume to its last byte.
    Verify(VerifyTask),
    /// Tell what is known of an image or volume.
    Info(InfoTask),
    Serve(ServeTask),
    Mount(MountTask),
    /// List files.
    Ls(LsTask),
    /// Print the content of a file.
    Cat(CatTask),
    /// Write files to a folder.
    Extract(ExtractTask),
    /// Write a volume in another format.
    Convert(ConvertTask),
    /// Print the formats that can be written.
    ListFormats,
    Demo,
    Generate(Generated),
}

impl Task {
    /// Whether it continues in the background.
    pub fn is_background(&self) -> bool {
        matches!(self, Self::Mount(task) if task.is_background)
    }
}

#[derive(Debug)]
pub struct CopyTask {
    pub source: PathBuf,
    /// The partition with this number, of a whole disk.
    pub partition: Option<u32>,
    pub kind: CopyKind,
    pub checks: VolumeChecks,
    pub writing: WriteOptions,
    pub rescue: Option<Rescue>,
}

#[derive(Debug)]
pub struct ConvertTask {
    pub source: Input,
    pub kind: CopyKind,
    /// The partition table that was typed; `None` is up to the format.
    pub partitioning: Option<Partitioning>,
    pub checks: VolumeChecks,
    pub writing: WriteOptions,
}

#[derive(Debug)]
pub struct RestoreTask {
    pub image: Input,
    /// If it turns out to be a volume.
    pub checks: VolumeChecks,
    pub writing: WriteOptions,
    pub rescue: Option<Rescue>,
}

#[derive(Debug)]
pub struct CheckTask {
    pub image: Input,
    /// If it turns out to be a volume.
    pub checks: VolumeChecks,
    pub rescue: Option<Rescue>,
    pub direct: Direct,
}

/// Which volumes are accepted, and how their clusters are found.
#[derive(Debug, Clone, Copy)]
pub struct VolumeChecks {
    /// Accept a dirty volume, and one of which it is unknown whether it is mounted.
    pub force: bool,
    pub mismatch: Mismatch,
    pub files: FileChecks,
    /// For the scan, and to compress; `None` is up to the program.
    pub threads: Option<NonZeroUsize>,
}

/// What a copy of a volume is.
#[derive(Debug, Clone)]
pub struct CopyKind {
    pub scope: CopyScope,
    pub form: Form,
    pub compress: Option<Compress>,
}

impl CopyKind {
    /// The volume as it is.
    pub const RAW: Self = Self {
        scope: CopyScope::Used,
        form: Form::Raw,
        compress: None,
    };

    /// A raw copy as it is: each byte has its place from the start.
    pub fn is_plain(&self) -> bool {
        self.form == Form::Raw && self.compress.is_none()
    }

    /// What is written takes less space than what is in use, and how much is known in the end.
    pub fn is_compressed(&self) -> bool {
        let compresses = |conversion: Conversion| conversion.writer == &VMDK;
        self.compress.is_some() || matches!(self.form, Form::Converted(it) if compresses(it))
    }
}

/// Where a copy or a restored volume is written, and how.
#[derive(Debug)]
pub struct WriteOptions {
    pub output: Output,
    /// What the volume becomes; `None` if it stays as it is.
    pub resize: Option<Resize>,
    /// Bytes of a piece, if it is written in pieces; the output is the first of them.
    pub split: Option<u64>,
    pub checksum: Option<Algorithm>,
    /// Of a raw copy.
    pub new_fields: NewFields,
    pub thin: Thin,
    /// Share the space of the source, where that can be done.
    pub reflink: bool,
    /// Read back what was written.
    pub verify: bool,
    /// Read and write past the system's cache.
    pub direct: Direct,
    /// The original does this as well: what drives it reads its lines.
    pub as_original: bool,
}

impl WriteOptions {
    /// Where reports go.
    pub fn reports(&self) -> Reports {
        let reports = Reports::beside(&self.output);
        match self.as_original {
            true => reports.as_original(),
            false => reports,
        }
    }
}

#[derive(Debug)]
pub struct MapTask {
    pub source: PathBuf,
    /// The partition with this number, of a whole disk.
    pub partition: Option<u32>,
    pub output: Output,
    pub format: MapFormat,
    pub checks: VolumeChecks,
    pub rescue: Option<Rescue>,
}

#[derive(Debug)]
pub struct DamageTask {
    pub source: PathBuf,
    /// The partition with this number, of a whole disk.
    pub partition: Option<u32>,
    /// What could not be read; without it, the marks in the copy are looked for.
    pub mapfile: Option<PathBuf>,
    pub json: bool,
}

#[derive(Debug)]
pub struct VerifyTask {
    pub image: Input,
    /// What to compare it with.
    pub against: Option<Input>,
    /// Where the clusters are is kept beside an image that is not compressed.
    pub keeps_index: bool,
    /// Read the content of all files.
    pub deep: bool,
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

#[derive(Debug)]
pub struct ServeTask {
    pub source: Input,
    pub address: Address,
    /// The file that takes what clients write; `None` if they may only read.
    pub overlay: Option<PathBuf>,
    /// End when the last client has disconnected.
    pub is_once: bool,
    /// Serve a volume that is mounted read-write, or may be.
    pub force: bool,
}

#[derive(Debug)]
pub struct MountTask {
    pub source: Input,
    pub directory: PathBuf,
    pub mounted_as: MountedAs,
    /// Continue in the background when it is mounted.
    pub is_background: bool,
    /// For all users.
    pub allow_other: bool,
    /// Mount a volume that is mounted read-write, or may be.
    pub force: bool,
}

/// What a mounted volume is seen as.
#[derive(Debug)]
pub enum MountedAs {
    Files,
    /// One file.
    Volume {
        /// The file that takes what is written; `None` if it is read-only.
        overlay: Option<PathBuf>,
    },
}

/// Where clients connect to.
#[derive(Debug)]
pub enum Address {
    /// A Unix socket.
    Local(PathBuf),
    Network(SocketAddr),
}

#[derive(Debug)]
pub struct LsTask {
    pub source: Input,
    /// None for the root directory.
    pub paths: Vec<String>,
    pub form: ListForm,
    pub is_recursive: bool,
    /// With the file system's own files.
    pub all: bool,
    pub streams: bool,
    /// List deleted files instead.
    pub deleted: bool,
    pub by: By,
}

/// What is printed of each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    Names,
    Long,
    Json,
    Csv,
}

#[derive(Debug)]
pub struct CatTask {
    pub source: Input,
    pub file: CatFile,
    pub range: Option<ByteRange>,
    pub encrypted: Encrypted,
}

/// What becomes of files that are encrypted (EFS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encrypted {
    /// They are named, and left out.
    Refuse,
    /// They are written in the EFSRPC raw data format, as Windows backs them up.
    Raw,
}

impl Encrypted {
    /// By the option `--efs-raw`.
    pub fn by_option(is_raw: bool) -> Self {
        match is_raw {
            true => Self::Raw,
            false => Self::Refuse,
        }
    }
}

/// Which file is written.
#[derive(Debug)]
pub enum CatFile {
    /// The one of this path; its stream, after a colon.
    Path(String),
    /// The one of this MFT record, deleted or not.
    Record { number: u64, stream: String },
}

#[derive(Debug)]
pub struct ExtractTask {
    pub source: Input,
    /// Files, directories and patterns; none for all.
    pub paths: Vec<String>,
    pub target: ExtractTarget,
    /// Make symbolic links of links and junctions.
    pub keeps_links: bool,
    /// Write extended attributes.
    pub xattrs: bool,
    pub encrypted: Encrypted,
    pub by: By,
}

/// What files are written to.
#[derive(Debug)]
pub enum ExtractTarget {
    /// A folder; files that exist are replaced if `replaces`.
    Folder {
        path: PathBuf,
        replaces: bool,
    },
    Archive(ArchiveOrder),
}

#[derive(Debug)]
pub struct ArchiveOrder {
    pub format: ArchiveFormat,
    pub output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    Tar,
    Zip,
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
pub enum CopyScope {
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

/// How much of a volume is checked for damage beside its clusters. What is found is a
/// warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChecks {
    None,
    /// The file system's own files.
    SystemFiles,
    /// All files and directories.
    All,
}

/// What a copy of a volume is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Raw,
    Image,
    /// Any other format.
    Converted(Conversion),
}

/// What an image or volume is read from.
#[derive(Debug, Clone)]
pub struct Input {
    pub origin: Origin,
    /// The partition with this number, of a whole disk.
    pub partition: Option<u32>,
    pub indexing: Indexing,
}

/// The index with which a compressed file is read at any place.
#[derive(Debug, Clone, Default)]
pub struct Indexing {
    pub place: IndexPlace,
    /// None is made: that takes as long as to decompress all of the file.
    pub needs_existing: bool,
}

/// Where an index is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IndexPlace {
    /// In the cache folder of the user.
    #[default]
    Cache,
    /// Beside the file.
    Beside,
    File(PathBuf),
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

/// What a copy gets in its boot sectors instead of what its source has; `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NewFields {
    pub serial: Option<NewSerial>,
    pub hidden_sectors: Option<HiddenSectors>,
}

impl NewFields {
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// What is new, in words.
    pub fn description(self) -> &'static str {
        match (self.serial, self.hidden_sectors) {
            (_, None) => "new serial number",
            (None, Some(_)) => "number of hidden sectors",
            (Some(_), Some(_)) => "new serial number and number of hidden sectors",
        }
    }
}

/// What precedes the volume on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenSectors {
    /// Sectors of the volume.
    Count(u32),
    /// Bytes.
    Start(u64),
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
    /// As the original shows it, where nothing else was asked for and reports go
    /// to a program.
    Percent(Percent),
}

impl Progress {
    /// Percent on `reports`, and a bar if `has_bar`.
    pub fn percent(reports: Reports, has_bar: bool) -> Self {
        Self::Percent(Percent {
            reports,
            has_bar,
            part: Part::All,
        })
    }

    pub fn has_bar(self) -> bool {
        match self {
            Self::Bar => true,
            Self::Percent(percent) => percent.has_bar,
            Self::Json | Self::None => false,
        }
    }

    /// For what the original does not do, and prints nothing of.
    pub fn without_percent(self) -> Self {
        match self {
            Self::Percent(_) if self.has_bar() => Self::Bar,
            Self::Percent(_) => Self::None,
            other => other,
        }
    }

    /// For a phase that is only a part of what the original does in one.
    pub fn part(self, part: Part) -> Self {
        match self {
            Self::Percent(percent) => Self::Percent(Percent { part, ..percent }),
            other => other,
        }
    }
}

impl Input {
    /// All of a file or device.
    pub fn file(path: PathBuf) -> Self {
        Self {
            origin: Origin::File(path),
            partition: None,
            indexing: Indexing::default(),
        }
    }

    /// What to call it in messages.
    pub fn name(&self) -> PathBuf {
        match &self.origin {
            Origin::Stdin => PathBuf::from("standard input"),
            Origin::File(path) => path.clone(),
        }
    }

    /// What names it on a command line.
    pub fn word(&self) -> &Path {
        match &self.origin {
            Origin::Stdin => Path::new("-"),
            Origin::File(path) => path,
        }
    }
}
