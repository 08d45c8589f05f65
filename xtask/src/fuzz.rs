//! The fuzz targets of core/fuzz, each for a while, from the seeds committed for it.

use crate::step;
use anyhow::{Context, Result, ensure};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long to run each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only this target
    target: Option<String>,
}

/// What a run of one target came to.
struct Outcome {
    executions: u64,
    /// In edges, as libFuzzer counts them.
    coverage: u64,
    status: ExitStatus,
    log: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if !step::succeeds(&mut cargo_fuzz(&["--version"])) {
        step::run(&mut step::cargo(["install", "cargo-fuzz", "--locked"]))?;
    }
    let targets = match &arguments.target {
        Some(target) => vec![target.clone()],
        None => step::read(&mut cargo_fuzz(&["list"]))?
            .lines()
            .map(str::to_owned)
            .collect(),
    };
    ensure!(!targets.is_empty(), "core/fuzz has no targets");
    step::run(&mut cargo_fuzz(&["build"]))?;

    let mut crashed = Vec::new();
    for target in &targets {
        let outcome = fuzz(target, arguments.seconds)?;
        let crashes = u8::from(!outcome.status.success());
        println!(
            "fuzz {target}: {} executions, {} edges covered, {crashes} crashes",
            outcome.executions, outcome.coverage
        );
        if crashes != 0 {
            println!("  {}; see {}", outcome.status, outcome.log.display());
            crashed.push(target.as_str());
        }
    }
    ensure!(
        crashed.is_empty(),
        "crashed: {}; the inputs are in core/fuzz/artifacts",
        crashed.join(", ")
    );
    Ok(())
}

fn fuzz(target: &str, seconds: u32) -> Result<Outcome> {
    let folder = step::root().join("core/fuzz");
    let corpus = folder.join("corpus").join(target);
    fs::create_dir_all(&corpus)?;
    copy_seeds(&folder.join("seeds").join(target), &corpus)?;

    let log = step::target_directory().join(format!("fuzz-{target}.log"));
    fs::create_dir_all(step::target_directory())?;
    let file = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
    let mut command = cargo_fuzz(&["run", target]);
    let status = command
        .args(["--", &format!("-max_total_time={seconds}")])
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .context("cannot start cargo fuzz")?;

    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    Ok(Outcome {
        executions: last_number(&text, "#"),
        coverage: last_number(&text, "cov: "),
        status,
        log,
    })
}

/// Seeds are committed, the corpus is not: it grows with every run.
fn copy_seeds(seeds: &Path, corpus: &Path) -> Result<()> {
    let list = fs::read_dir(seeds).with_context(|| format!("no seeds in {}", seeds.display()))?;
    for entry in list {
        let entry = entry?;
        fs::copy(entry.path(), corpus.join(entry.file_name()))?;
    }
    Ok(())
}

/// The number behind the last `mark` in libFuzzer's lines: `#4096 pulse cov: 120 ft: 300 ...`.
fn last_number(text: &str, mark: &str) -> u64 {
    text.lines()
        .filter(|line| line.starts_with('#') && line.contains("cov: "))
        .filter_map(|line| {
            let (_, rest) = line.split_once(mark)?;
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            rest[..end].parse().ok()
        })
        .next_back()
        .unwrap_or(0)
}

/// cargo-fuzz needs unstable compiler flags: those of nightly, or of a stable compiler that is told to allow them.
fn cargo_fuzz(arguments: &[&str]) -> Command {
    let mut list = Command::new("rustup");
    list.args(["toolchain", "list"]);
    let nightly = step::read(&mut list).is_ok_and(|toolchains| toolchains.contains("nightly"));
    let mut command = match nightly {
        true => {
            let mut command = Command::new("rustup");
            command
                .args(["run", "nightly", "cargo", "fuzz"])
                // This program's own toolchain would win otherwise.
                .env_remove("CARGO")
                .env_remove("RUSTUP_TOOLCHAIN");
            command
        }
        false => {
            let mut command = step::cargo(["fuzz"]);
            command.env("RUSTC_BOOTSTRAP", "1");
            command
        }
    };
    command
        .args(arguments)
        .current_dir(step::root().join("core"));
    // The sanitizers' objects must not mix with the others.
    if let Some(directory) = env::var_os("CARGO_TARGET_DIR") {
        command.env("CARGO_TARGET_DIR", PathBuf::from(directory).join("fuzz"));
    }
    command
}
