//! What the runs of one race come to.

use super::{contestant::Contestant, measure::Run, race::Lane};
use serde::Serialize;

/// Medians of all rounds; of the memory the most that any round took.
#[derive(Serialize)]
pub(super) struct Summary {
    pub(super) contestant: Contestant,
    pub(super) wall_seconds: f64,
    /// The shortest: what it comes to when nothing else wants the machine.
    pub(super) best_wall_seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_bytes: u64,
    pub(super) system_calls: Option<u64>,
    /// Ours to this one: below 1 we are faster.
    pub(super) wall_ratio: f64,
    pub(super) cpu_ratio: f64,
    /// Length of what was written, where that is of interest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size_ratio: Option<f64>,
    pub(super) runs: Vec<Run>,
}

pub(super) fn summarize(lanes: Vec<Lane>) -> Vec<Summary> {
    let ours: Vec<Run> = lanes
        .iter()
        .find(|lane| lane.contestant == Contestant::Ours)
        .map(|lane| lane.runs.clone())
        .unwrap_or_default();
    lanes
        .into_iter()
        .map(|lane| Summary {
            contestant: lane.contestant,
            wall_seconds: median(lane.runs.iter().map(|run| run.wall_seconds)),
            best_wall_seconds: lane
                .runs
                .iter()
                .map(|run| run.wall_seconds)
                .fold(f64::INFINITY, f64::min),
            cpu_seconds: median(lane.runs.iter().map(|run| run.cpu_seconds)),
            peak_bytes: lane
                .runs
                .iter()
                .map(|run| run.peak_bytes)
                .max()
                .unwrap_or(0),
            system_calls: lane.system_calls,
            wall_ratio: ratio(&ours, &lane.runs, |run| run.wall_seconds),
            cpu_ratio: ratio(&ours, &lane.runs, |run| run.cpu_seconds),
            size_ratio: size_ratio(&ours, &lane.runs),
            runs: lane.runs,
        })
        .collect()
}

/// The median of the ratios within each round: what disturbed a round disturbed both.
fn ratio(ours: &[Run], theirs: &[Run], value: fn(&Run) -> f64) -> f64 {
    median(
        ours.iter()
            .zip(theirs)
            .map(|(ours, theirs)| value(ours) / value(theirs)),
    )
}

fn size_ratio(ours: &[Run], theirs: &[Run]) -> Option<f64> {
    let size = |runs: &[Run]| Some(runs.first()?.output_bytes? as f64);
    Some(size(ours)? / size(theirs)?)
}

/// NaN of nothing.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len(), values.len() % 2) {
        (0, _) => f64::NAN,
        (_, 0) => f64::midpoint(values[middle - 1], values[middle]),
        (_, _) => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(contestant: Contestant, seconds: [f64; 3]) -> Lane {
        let run = |wall_seconds| Run {
            wall_seconds,
            cpu_seconds: 2.0 * wall_seconds,
            peak_bytes: wall_seconds as u64,
            output_bytes: Some(1000 * wall_seconds as u64),
        };
        Lane {
            contestant,
            runs: seconds.map(run).to_vec(),
            system_calls: None,
        }
    }

    #[test]
    fn the_median_is_the_middle_or_between_both_middles() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 100.0].into_iter()), 3.0);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn a_ratio_compares_within_rounds() {
        let summaries = summarize(vec![
            lane(Contestant::Ours, [1.0, 1.0, 9.0]),
            // The machine was slow in the third round: 0.5, 0.25, 0.5.
            lane(Contestant::Reference, [2.0, 4.0, 18.0]),
        ]);
        assert_eq!(summaries[0].wall_ratio, 1.0);
        assert_eq!(summaries[1].wall_ratio, 0.5);
        assert_eq!(summaries[1].wall_seconds, 4.0);
        assert_eq!(summaries[1].best_wall_seconds, 2.0);
        assert_eq!(summaries[1].cpu_seconds, 8.0);
        assert_eq!(summaries[1].peak_bytes, 18);
        assert_eq!(summaries[1].size_ratio, Some(0.5));
    }
}
