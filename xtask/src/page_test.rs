//! The tests of the page, in a real browser.

use crate::{npm, page, step, web_test};
use anyhow::{Result, ensure};
use std::{env, fs};

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
    let mut command = npm::node(&page::folder());
    command
        // One browser at a time: the tests measure times.
        .args(["--test", "--test-reporter=spec", "--test-concurrency=1"])
        .args(web_test::test_files(&page::folder().join("test"))?)
        .env("NTFSCLONE_BIN", target.join("release/ntfsclone"))
        .env("NTFSCLONE_TEST_FOLDER", &folder)
        .env("NTFSCLONE_SCREENSHOTS", &screenshots)
        .env("NTFSCLONE_BROWSER", browser);
    step::run(&mut command)
}
