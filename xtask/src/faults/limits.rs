//! Limits of the process: the length of files, open files, and memory.

use super::{fault::Fault, stage::Stage, tally::Tally};
use anyhow::Result;

const LENGTHS: &[u64] = &[
    0, 1, 4096, 65_536, 1_000_000, 4_194_304, 5_000_000, 8_388_000,
];
const DESCRIPTORS: &[u64] = &[3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24];
/// The program itself takes some 10 MiB.
const MEMORY_MIB: &[u64] = &[
    12, 16, 20, 24, 32, 40, 48, 64, 80, 100, 128, 160, 192, 224, 256, 320,
];

const QUICK_RUNS: usize = 120;

pub(super) fn run(stage: &Stage<'_>) -> Result<Tally> {
    let memory: Vec<u64> = MEMORY_MIB.iter().map(|mib| mib << 20).collect();
    let mut cases = Vec::new();
    for scene in &stage.scenes {
        for (option, values) in [("fsize", LENGTHS), ("nofile", DESCRIPTORS), ("as", &memory)] {
            let faults = values.iter().map(|&value| Fault::Limit { option, value });
            cases.extend(faults.map(|fault| (scene, fault)));
        }
    }
    if stage.quick {
        cases = stage.random("limits").sample(cases, QUICK_RUNS);
    }
    stage.run(cases)
}
