//! Node's package manager, and the tools that come through it.

use crate::{setup, step};
use anyhow::{Result, ensure};
use std::{fs, path::Path, process::Command};

/// `npm`, in that folder.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command
}

/// `node`, in that folder.
pub(crate) fn node(folder: &Path) -> Command {
    let mut command = Command::new("node");
    command.current_dir(folder);
    command
}

/// The first number of its version.
pub(crate) fn node_version() -> Option<u32> {
    let version = step::read(Command::new("node").arg("--version")).ok()?;
    let (major, _) = version.trim().strip_prefix('v')?.split_once('.')?;
    major.parse().ok()
}

/// What is missing to run scripts outside a browser.
pub(crate) fn missing() -> Vec<&'static str> {
    ["node", "npm"]
        .into_iter()
        .filter(|program| setup::find(program).is_none())
        .collect()
}

/// What the folder's package-lock.json names; nothing if that is there already.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let missing = missing();
    ensure!(
        missing.is_empty(),
        "missing: {}; install Node 20 or later",
        missing.join(", ")
    );
    let modified = |name: &str| fs::metadata(folder.join(name)).and_then(|file| file.modified());
    let locked = modified("package-lock.json")?;
    // npm writes it last.
    if modified("node_modules/.package-lock.json").is_ok_and(|installed| installed >= locked) {
        return Ok(());
    }
    step::run(npm(folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// A program of one of the folder's packages.
pub(crate) fn tool(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(folder.join("node_modules/.bin").join(name));
    command.current_dir(folder);
    command
}
