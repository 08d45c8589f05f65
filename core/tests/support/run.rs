//! Runs a program that must succeed.

use std::path::Path;
use std::process::Command;

/// Runs a program with arguments that are separated by spaces; the last ones are files. Returns
/// what it prints.
#[track_caller]
pub(crate) fn run(program: &Path, arguments: &str, files: &[&Path]) -> String {
    let mut command = Command::new(program);
    let output = command
        .args(arguments.split_whitespace())
        .args(files)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {errors}{printed}");
    printed
}
