//! The program while something goes wrong: what it claims then must be true, and nothing may lie about.
//!
//! Each kind of fault is a file; [`judge`] holds what every run must keep, and docs/security.md says it in words.

mod bad_sectors;
mod calls;
mod content;
mod devices;
mod failing_calls;
mod fault;
mod inputs;
mod interruptions;
mod job;
mod judge;
mod limits;
mod lost_writes;
mod mapfile;
mod random;
mod small_disks;
mod stage;
mod streams;
mod tally;
mod trial;
mod write_log;

use crate::{setup, step};
use anyhow::{Result, ensure};
use stage::Stage;
use std::{env, path::PathBuf, time::Instant};
use tally::Tally;

#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// A sample, in less than a minute
    #[arg(long)]
    quick: bool,
    /// Which of all faults are tried, where there are too many
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this kind; may be given several times, as the next one
    #[arg(long, value_parser = KINDS.map(|kind| kind.name))]
    kind: Vec<String>,
    /// Only this job
    #[arg(long)]
    job: Vec<String>,
    /// How many runs at a time [default: one for each processor]
    #[arg(long)]
    jobs: Option<usize>,
    /// The program [default: built from this checkout]
    #[arg(long)]
    program: Option<PathBuf>,
    /// Where runs read and write: another file system [default: read from target/faults, write to /dev/shm]
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// A kind of fault.
struct Kind {
    name: &'static str,
    run: fn(&Stage<'_>) -> Result<Tally>,
}

const KINDS: [Kind; 8] = [
    Kind {
        name: "calls",
        run: failing_calls::run,
    },
    Kind {
        name: "kills",
        run: interruptions::kills,
    },
    Kind {
        name: "signals",
        run: interruptions::signals,
    },
    Kind {
        name: "lost-writes",
        run: lost_writes::run,
    },
    Kind {
        name: "full-disks",
        run: small_disks::run,
    },
    Kind {
        name: "bad-sectors",
        run: bad_sectors::run,
    },
    Kind {
        name: "limits",
        run: limits::run,
    },
    Kind {
        name: "streams",
        run: streams::run,
    },
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let program = match &arguments.program {
        Some(program) => program.canonicalize()?,
        None => {
            step::run(&mut step::cargo(["build", "--release", "-p", "ntfsclone"]))?;
            step::target_directory().join("release/ntfsclone")
        }
    };
    let missing: Vec<&str> = ["strace", "prlimit", "gzip", "zstd"]
        .into_iter()
        .filter(|tool| setup::find(tool).is_none())
        .collect();
    if !missing.is_empty() {
        ensure!(
            env::var_os("CI").is_none(),
            "missing: {}",
            missing.join(", ")
        );
        println!("skipped: the faults: missing {}", missing.join(", "));
        return Ok(());
    }
    let stage = Stage::new(arguments, &program)?;
    let mut tallies = Vec::new();
    for kind in &KINDS {
        if !arguments.kind.is_empty() && !arguments.kind.iter().any(|name| name == kind.name) {
            continue;
        }
        let began = Instant::now();
        let tally = (kind.run)(&stage)?;
        tally.print_findings(kind.name);
        eprintln!(
            "faults: {}: {:.0} s",
            kind.name,
            began.elapsed().as_secs_f64()
        );
        tallies.push((kind.name, tally));
    }
    print!("{}", tally::table(&tallies));
    println!(
        "faults: seed {}, {:.0} s",
        arguments.seed,
        started.elapsed().as_secs_f64()
    );
    let broken: usize = tallies.iter().map(|(_, tally)| tally.broken()).sum();
    ensure!(
        broken == 0,
        "{broken} runs broke a promise of docs/security.md"
    );
    Ok(())
}

/// The short form, as a test.
pub(crate) fn smoke_test() -> Result<()> {
    run(&Arguments {
        quick: true,
        seed: 1,
        ..Arguments::default()
    })
}
