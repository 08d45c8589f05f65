//! A folder with files in it, runs of the program in that folder, and what each run may have changed there.

use super::{
    program::{self, Program, call, ours},
    scratch_directory,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(crate) struct Scene {
    folder: TempDir,
}

/// A run that has ended, and the folder before and after it.
pub(crate) struct Outcome {
    line: String,
    output: Output,
    took: Duration,
    changed: BTreeSet<String>,
}

/// All that can be seen of a file from outside.
#[derive(PartialEq)]
struct Entry {
    mode: u32,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    content: Option<blake3::Hash>,
}

pub(crate) struct Listing(BTreeMap<String, Entry>);

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            folder: scratch_directory(),
        }
    }

    /// With these bytes in the file `volume`.
    pub(crate) fn with_volume(bytes: impl AsRef<[u8]>) -> Self {
        let scene = Self::new();
        scene.write("volume", bytes);
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes)
            .unwrap_or_else(|error| panic!("cannot write {name}: {error}"));
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("cannot read {name}: {error}"))
    }

    pub(crate) fn make_pipe(&self, name: &str) {
        rustix::fs::mkfifoat(rustix::fs::CWD, self.path(name), 0o600.into())
            .unwrap_or_else(|error| panic!("cannot make the pipe {name}: {error}"));
    }

    /// The permissions.
    pub(crate) fn mode(&self, name: &str) -> u32 {
        let metadata = fs::metadata(self.path(name));
        metadata.expect("it is there").mode() & 0o7777
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name))
            .unwrap_or_else(|error| panic!("cannot remove {name}: {error}"));
    }

    /// The program with the words of `line`, to run in the folder.
    pub(crate) fn command(&self, program: Program, line: &str) -> Command {
        let mut command = call(program, line, &[]);
        command.current_dir(self.folder.path());
        command
    }

    /// Runs ours with the words of `line`, without any input.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        self.run_command(self.command(ours, line), &[])
    }

    /// As [`Self::run`], with `input` coming through a pipe.
    pub(crate) fn run_with_input(&self, line: &str, input: &[u8]) -> Outcome {
        self.run_command(self.command(ours, line), input)
    }

    pub(crate) fn run_command(&self, command: Command, input: &[u8]) -> Outcome {
        let line = format!("{command:?}");
        let before = self.listing();
        let started = Instant::now();
        let output = program::finish_with_input(command, input);
        Outcome {
            line,
            output,
            took: started.elapsed(),
            changed: before.changes(&self.listing()),
        }
    }

    pub(crate) fn listing(&self) -> Listing {
        let mut entries = BTreeMap::new();
        list(self.folder.path(), "", &mut entries);
        Listing(entries)
    }
}

impl Outcome {
    /// It failed with this message and this remedy, said once and nothing else, and changed nothing.
    #[track_caller]
    pub(crate) fn refused(&self, message: &str, remedy: &str) {
        self.failed(1, &error_text(message, remedy));
        self.changed_only(&[]);
    }

    /// It ended with `code`, and `errors` is all that standard error got.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, errors: &str) {
        assert_eq!(self.errors(), errors, "{}", self.line);
        assert_eq!(self.output.status.code(), Some(code), "{}", self.line);
    }

    /// It succeeded without a word on standard error, and wrote these files and nothing else.
    #[track_caller]
    pub(crate) fn wrote(&self, names: &[&str]) {
        self.wrote_with("", names);
    }

    /// As [`Self::wrote`], with one warning.
    #[track_caller]
    pub(crate) fn wrote_with_warning(&self, warning: &str, names: &[&str]) {
        self.wrote_with(&warning_text(warning), names);
    }

    #[track_caller]
    fn wrote_with(&self, errors: &str, names: &[&str]) {
        self.failed(0, errors);
        self.changed_only(names);
    }

    #[track_caller]
    pub(crate) fn changed_only(&self, names: &[&str]) {
        let changed: Vec<&str> = self.changed.iter().map(String::as_str).collect();
        let mut names = names.to_vec();
        names.sort_unstable();
        assert_eq!(changed, names, "files changed by {}", self.line);
    }

    /// Its report on standard output has this in it.
    #[track_caller]
    pub(crate) fn reported(&self, part: &str) {
        let report = String::from_utf8_lossy(self.stdout());
        assert!(report.contains(part), "{}: {report}", self.line);
    }

    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// What is on standard error after the line with the name of the program.
    pub(crate) fn errors(&self) -> String {
        program::errors(&self.output)
    }

    pub(crate) fn stdout(&self) -> &[u8] {
        &self.output.stdout
    }

    pub(crate) fn took(&self) -> Duration {
        self.took
    }
}

/// How an error and its remedy are printed.
pub(crate) fn error_text(message: &str, remedy: &str) -> String {
    match remedy {
        "" => format!("ntfsclone: {message}\n"),
        _ => format!("ntfsclone: {message}\n  {remedy}\n"),
    }
}

pub(crate) fn warning_text(warning: &str) -> String {
    format!("ntfsclone: warning: {warning}\n")
}

impl Listing {
    /// Names of what is new, gone or not as it was.
    pub(crate) fn changes(&self, after: &Self) -> BTreeSet<String> {
        let names = self.0.keys().chain(after.0.keys());
        names
            .filter(|name| self.0.get(*name) != after.0.get(*name))
            .cloned()
            .collect()
    }
}

fn list(folder: &Path, prefix: &str, entries: &mut BTreeMap<String, Entry>) {
    let found = fs::read_dir(folder).expect("the folder is there");
    for path in found.map(|entry| entry.expect("it can be listed").path()) {
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        let name = path.file_name().expect("it has a name").to_string_lossy();
        let name = format!("{prefix}{name}");
        let kind = metadata.file_type();
        if kind.is_dir() && metadata.dev() == fs::metadata(folder).expect("it is there").dev() {
            list(&path, &format!("{name}/"), entries);
        }
        let content = match kind {
            kind if kind.is_file() => Some(hash_file(&path, &metadata)),
            kind if kind.is_symlink() => Some(blake3::hash(
                fs::read_link(&path)
                    .expect("it is a link")
                    .as_os_str()
                    .as_encoded_bytes(),
            )),
            _ => None,
        };
        let is_folder = kind.is_dir() || kind.is_fifo();
        let entry = Entry {
            mode: metadata.mode(),
            inode: metadata.ino(),
            // A folder says so itself by what it contains.
            length: if is_folder { 0 } else { metadata.len() },
            modified: match is_folder {
                true => (0, 0),
                false => (metadata.mtime(), metadata.mtime_nsec()),
            },
            content,
        };
        entries.insert(name, entry);
    }
}

/// Of sparse giants the length and the times have to do.
fn hash_file(path: &Path, metadata: &fs::Metadata) -> blake3::Hash {
    const LONG: u64 = 64 << 20;
    match metadata.len() {
        ..LONG => blake3::hash(&fs::read(path).expect("it can be read")),
        _ => blake3::hash(&metadata.blocks().to_le_bytes()),
    }
}
