//! Standard streams that are full, closed, or not read by anybody.

use super::{
    fault::{Fault, Stream},
    stage::Stage,
    tally::Tally,
};
use anyhow::Result;

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
    stage.run(cases.collect())
}
