//! Everything that must hold before a change is taken.

use crate::{
    bench, faults, page_test, setup, step,
    wasm_toolchain::{NO_STD, WasmToolchain},
    web_test,
};
use anyhow::Result;
use std::{env, time::Instant};

pub(crate) fn run() -> Result<()> {
    let started = Instant::now();
    setup::run()?;
    step::run(&mut step::cargo(["fmt", "--all", "--check"]))?;
    step::run(&mut step::cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    build_program()?;
    core_without_std()?;
    // core and the others with overflow checks; the program as it is shipped, since its volumes are large.
    test(&["--workspace", "--exclude", "ntfsclone"])?;
    test(&["--release", "-p", "ntfsclone"])?;
    web_test::run()?;
    page_test::run()?;
    bench::smoke_test()?;
    faults::smoke_test()?;
    println!(
        "everything passed in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// What concerns JavaScript alone.
pub(crate) fn web() -> Result<()> {
    build_program()?;
    web_test::run()
}

/// What concerns the page alone.
pub(crate) fn page() -> Result<()> {
    build_program()?;
    page_test::run()
}

fn build_program() -> Result<()> {
    step::run(&mut step::cargo(["build", "--release", "-p", "ntfsclone"]))
}

/// Builds core for a target that has no std: nothing in it can use any.
fn core_without_std() -> Result<()> {
    let toolchain = WasmToolchain::find(&NO_STD)?;
    println!("no_std: core for {} with {toolchain}", NO_STD.triple);
    let mut command = toolchain.cargo_build(&NO_STD);
    // A directory of its own: it may be another compiler's.
    command
        .args(["--release", "--lib", "-p", "ntfsclone-core"])
        .arg("--target-dir")
        .arg(step::target_directory().join("no-std"));
    step::run(&mut command)
}

fn test(selection: &[&str]) -> Result<()> {
    let mut command = step::cargo(["test", "--no-fail-fast"]);
    command.args(selection);
    if env::var_os("CI").is_some() {
        command.env("NTFSCLONE_TESTS_REQUIRE_ALL", "1");
    }
    step::run(&mut command)
}
