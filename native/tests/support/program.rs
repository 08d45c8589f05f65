//! The programs that the tests run: ours, the original, and tools around them.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::Duration,
};

/// Longer than any run here takes on a slow machine, shorter than the patience of who waits for it.
const TIMEOUT: Duration = Duration::from_secs(300);

/// One of the two that have the same command line: [`ours`] or [`reference`].
pub(crate) type Program = fn() -> Command;

/// The program under test: the one cargo built, or the one that `NTFSCLONE_BIN` names.
pub(crate) fn ours() -> Command {
    let path = env::var_os("NTFSCLONE_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_ntfsclone").into(), PathBuf::from);
    command(&path)
}

/// The original: the oracle for every byte.
pub(crate) fn reference() -> Command {
    command(&find_reference().expect("the test did not ask for Need::Reference"))
}

/// `options` are separated by spaces; `paths` follow them.
pub(crate) fn call(program: Program, options: &str, paths: &[&Path]) -> Command {
    let mut command = program();
    command.args(options.split_whitespace()).args(paths);
    command
}

/// Any other program, found on PATH or in the folders of system programs.
pub(crate) fn tool<I: IntoIterator<Item: AsRef<OsStr>>>(name: &str, arguments: I) -> Command {
    let path = find(name).unwrap_or_else(|| panic!("the test did not ask for the program {name}"));
    let mut command = command(&path);
    command.args(arguments);
    command
}

fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    // Messages are compared and shown: keep them in one language.
    command.env("LC_ALL", "C.UTF-8");
    command
}

/// Runs to the end and fails the test, with all that was printed, unless it exits with 0.
pub(crate) fn succeed(command: Command) -> Output {
    assert_cmd::Command::from_std(command)
        .timeout(TIMEOUT)
        .assert()
        .success()
        .get_output()
        .clone()
}

/// Runs to the end, whatever its exit code.
pub(crate) fn finish(command: Command) -> Output {
    finish_with_input(command, &[])
}

/// The same with `input` coming through a pipe.
pub(crate) fn finish_with_input(command: Command, input: &[u8]) -> Output {
    assert_cmd::Command::from_std(command)
        .write_stdin(input)
        .timeout(TIMEOUT)
        .assert()
        .get_output()
        .clone()
}

/// What ours printed on standard error, without the line in which it says its name as
/// the original does.
pub(crate) fn errors(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let name = format!("ntfsclone v{} (Rust)\n", env!("CARGO_PKG_VERSION"));
    errors.strip_prefix(&name).unwrap_or(&errors).to_owned()
}

/// What a program printed, on either stream, with carriage returns as line ends.
pub(crate) fn printed(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).replace('\r', "\n"))
        .concat()
}

pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        // mkntfs, losetup and the original live where an ordinary user's PATH does not look.
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

pub(crate) fn find_reference() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let path = find("ntfsclone")?;
            let version = Command::new(&path).arg("--version").output().ok()?;
            // Ours may be installed under the same name; it is no oracle for itself.
            printed(&version).contains("libntfs-3g").then_some(path)
        })
        .clone()
}
