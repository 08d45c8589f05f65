//! The tests of the page, in a real browser.

use crate::{npm, page, step, web_test};
use anyhow::{Context, Result, ensure};
use std::{env, fs, path::Path, process::Command};

/// Needs the package, and the program that `cargo build --release -p ntfsclone` makes.
pub(crate) fn run() -> Result<()> {
    let must_run = env::var_os("CI").is_some();
    if let Some(missing) = web_test::missing_node() {
        ensure!(!must_run, "the tests of the page need {missing}");
        println!("skipped: the page and its tests: missing {missing}");
        return Ok(());
    }
    page::build()?;
    let Some(browser) = web_test::browser() else {
        ensure!(!must_run, "the tests of the page need chromium");
        println!("skipped: the tests of the page: missing chromium");
        return Ok(());
    };
    let target = step::target_directory();
    let folder = target.join("page/tests");
    let screenshots = target.join("page/screenshots");
    for folder in [&folder, &screenshots] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
    }
    let mut command = node(&folder, &browser);
    command
        // One browser at a time: the tests measure times.
        .args(["--test", "--test-reporter=spec", "--test-concurrency=1"])
        .args(web_test::test_files(&page::folder().join("test"))?)
        .env("NTFSCLONE_SCREENSHOTS", &screenshots);
    step::run(&mut command)
}

/// Measures the page as `cargo xtask web` has made it; needs the program as the tests do.
pub(crate) fn bench(mib: u32, rounds: u32) -> Result<()> {
    let browser = web_test::browser().context("chromium is missing")?;
    let folder = step::target_directory().join("page/bench");
    fs::create_dir_all(&folder)?;
    let mut command = node(&folder, &browser);
    command
        .arg(page::folder().join("test/speed.bench.js"))
        .args([mib.to_string(), rounds.to_string()]);
    step::run(&mut command)
}

/// Node, for scripts that drive the browser, with a folder for what they make.
fn node(folder: &Path, browser: &Path) -> Command {
    let mut command = npm::node(&page::folder());
    command
        .env(
            "NTFSCLONE_BIN",
            step::target_directory().join("release/ntfsclone"),
        )
        .env("NTFSCLONE_TEST_FOLDER", folder)
        .env("NTFSCLONE_BROWSER", browser);
    command
}
