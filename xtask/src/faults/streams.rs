//! Standard streams that are full, closed, or not read by anybody.

use super::{
    fault::{Fault, Stream},
    stage::Stage,
    tally::Tally,
};
use anyhow::Result;

const QUICK_RUNS: usize = 60;

pub(super) fn run(stage: &Stage<'_>) -> Result<Tally> {
    let streams = [
        Stream::StdoutFull,
        Stream::StderrFull,
        Stream::StdoutClosed,
        Stream::StdoutBroken,
    ];
    let cases = stage.scenes.iter().flat_map(|scene| {
        let faults = streams.map(Fault::Stream);
        faults.map(|fault| (scene, fault))
    });
    let mut cases: Vec<_> = cases.collect();
    if stage.quick {
        cases = stage.random("streams").sample(cases, QUICK_RUNS);
    }
    stage.run(cases)
}
