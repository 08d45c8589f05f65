//! Every system call of each kind fails in turn, once or from then on.

use super::{fault::Fault, stage::Stage, tally::Tally};
use anyhow::Result;

/// Of each call of each job: which ones fail.
const MOST: usize = 6;

/// Runs of the short form, in all.
const QUICK_RUNS: usize = 500;

pub(super) fn run(stage: &Stage<'_>) -> Result<Tally> {
    let mut random = stage.random("calls");
    let mut cases = Vec::new();
    for scene in &stage.scenes {
        for calls in &scene.calls {
            let ordinals = random.sample((calls.first..=calls.last).collect(), MOST);
            for error in calls.errors() {
                let fault = |when: String| Fault::Call {
                    name: calls.name.clone(),
                    error,
                    when,
                };
                let once = ordinals.iter().map(|ordinal| fault(ordinal.to_string()));
                cases.extend(once.map(|fault| (scene, fault)));
                // What is interrupted is tried again: for ever, if it always is.
                if *error != "EINTR" {
                    let some = random.sample(ordinals.clone(), 1);
                    let always = some.iter().map(|ordinal| fault(format!("{ordinal}+")));
                    cases.extend(always.map(|fault| (scene, fault)));
                }
            }
        }
    }
    if stage.quick {
        cases = random.sample(cases, QUICK_RUNS);
    }
    stage.run(cases)
}
