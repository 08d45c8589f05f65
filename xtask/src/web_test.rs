//! The tests of the npm package: in Node, in a browser, and in projects that use it.

use crate::{npm, setup, step, web};
use anyhow::{Result, ensure};
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// As in the `engines` of wasm/package.json.
const NODE: u32 = 20;

/// What can drive a page, the first that is there.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// Needs the program that `cargo build --release -p ntfsclone` makes.
pub(crate) fn run() -> Result<()> {
    let must_run = env::var_os("CI").is_some();
    if let Some(missing) = missing_node() {
        ensure!(!must_run, "the tests of the npm package need {missing}");
        println!("skipped: the npm package and its tests: missing {missing}");
        return Ok(());
    }
    web::run()?;
    let browser = match browser() {
        None if setup::install(&["chromium"])? => browser(),
        found => found,
    };
    if browser.is_none() {
        ensure!(!must_run, "the tests of the npm package need chromium");
        println!("skipped: the tests of the npm package in a browser: missing chromium");
    }
    let folder = step::target_directory().join("npm/tests");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let program = step::target_directory().join("release/ntfsclone");
    let environment = [
        ("NTFSCLONE_BIN", program),
        ("NTFSCLONE_TARBALL", web::tarball()),
        ("NTFSCLONE_TEST_FOLDER", folder),
    ];
    let mut command = npm::node(&web::folder());
    command
        .args(["--test", "--test-reporter=spec"])
        .args(test_files(&web::folder().join("test"))?)
        .envs(environment.clone());
    let Some(browser) = browser else {
        return step::run(&mut command);
    };
    step::run(command.env("NTFSCLONE_BROWSER", &browser))?;
    step::run(
        npm::tool(&web::folder(), "vitest")
            .args(["run", "--config", "test/browser/vitest.config.js"])
            .envs(environment)
            .env("NTFSCLONE_BROWSER", browser),
    )
}

pub(crate) fn missing_node() -> Option<String> {
    let missing = npm::missing();
    if !missing.is_empty() {
        return Some(missing.join(", "));
    }
    let version = npm::node_version().unwrap_or(0);
    (version < NODE).then(|| format!("Node {NODE} (this is {version})"))
}

pub(crate) fn browser() -> Option<PathBuf> {
    BROWSERS.iter().find_map(|name| setup::find(name))
}

/// Those of a folder. Node 20 knows no patterns yet.
pub(crate) fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str);
        if name.is_some_and(|name| name.ends_with(".test.js")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
