//! All that a run of the bench came to, as JSON.

use super::{
    contestant::Contestant,
    goal::Verdict,
    job::Job,
    machine::Machine,
    place::Place,
    summary::Summary,
    volume::{Kind, Volume},
};
use crate::step;
use anyhow::Result;
use serde::Serialize;
use std::process::Command;

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) date: String,
    /// What was measured; with a `+` where the checkout had changes.
    pub(super) commit: String,
    pub(super) machine: Machine,
    pub(super) rounds: u32,
    pub(super) programs: Vec<Program>,
    pub(super) volumes: Vec<Volume>,
    pub(super) races: Vec<Record>,
}

#[derive(Serialize)]
pub(super) struct Program {
    name: Contestant,
    version: String,
}

#[derive(Serialize)]
pub(super) struct Record {
    pub(super) place: Place,
    pub(super) volume: Kind,
    pub(super) job: Job,
    pub(super) contestants: Vec<Summary>,
    pub(super) goals: Vec<Verdict>,
}

impl Report {
    pub(super) fn new(contestants: &[Contestant], rounds: u32) -> Result<Self> {
        Ok(Self {
            date: line(Command::new("date").args(["--utc", "+%F"]))?,
            commit: line(Command::new("git").current_dir(step::root()).args([
                "describe",
                "--always",
                "--dirty=+",
                "--exclude=*",
            ]))?,
            machine: Machine::read()?,
            rounds,
            programs: contestants
                .iter()
                .map(|name| {
                    Ok(Program {
                        name: *name,
                        version: name.version()?,
                    })
                })
                .collect::<Result<_>>()?,
            volumes: Vec::new(),
            races: Vec::new(),
        })
    }
}

fn line(command: &mut Command) -> Result<String> {
    Ok(step::read(command)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{goal, measure::Run, race::Lane, summary};
    use super::*;
    use serde_json::json;

    #[test]
    fn the_json_has_what_readers_of_it_rely_on() {
        let volume = Volume {
            kind: Kind::Small,
            size: 1 << 30,
            cluster_size: 4096,
            clusters: 1 << 18,
            used: 1 << 29,
            path: "volume".into(),
        };
        let lane = |contestant, wall_seconds| Lane {
            contestant,
            runs: vec![Run {
                wall_seconds,
                cpu_seconds: 1.0,
                peak_bytes: 1 << 20,
                output_bytes: None,
            }],
            system_calls: Some(7),
        };
        let contestants = summary::summarize(vec![
            lane(Contestant::Ours, 1.0),
            lane(Contestant::Reference, 4.0),
        ]);
        let report = Report {
            date: "2026-01-31".into(),
            commit: "0123abc".into(),
            machine: Machine {
                cores: 2,
                processor: String::new(),
                memory_bytes: 1 << 34,
                kernel: "6.1".into(),
            },
            rounds: 1,
            programs: vec![Program {
                name: Contestant::Reference,
                version: "ntfsclone v1".into(),
            }],
            races: vec![Record {
                place: Place::Memory,
                volume: Kind::Small,
                job: Job::Save,
                goals: goal::judge(Place::Memory, &volume, Job::Save, &contestants),
                contestants,
            }],
            volumes: vec![volume],
        };
        let found = serde_json::to_value(&report).expect("JSON");
        assert_eq!(found["programs"][0]["name"], "ntfsclone of ntfs-3g");
        assert_eq!(
            found["volumes"][0],
            json!({
                "kind": "small", "size": 1 << 30, "cluster_size": 4096, "clusters": 1 << 18, "used": 1 << 29
            })
        );
        let race = &found["races"][0];
        assert_eq!(
            [&race["place"], &race["volume"], &race["job"]],
            ["memory", "small", "save"]
        );
        assert_eq!(
            race["contestants"][1],
            json!({
                "contestant": "ntfsclone of ntfs-3g",
                "wall_seconds": 4.0,
                "best_wall_seconds": 4.0,
                "cpu_seconds": 1.0,
                "peak_bytes": 1 << 20,
                "system_calls": 7,
                "wall_ratio": 0.25,
                "cpu_ratio": 1.0,
                "runs": [{ "wall_seconds": 4.0, "cpu_seconds": 1.0, "peak_bytes": 1 << 20 }],
            })
        );
        assert_eq!(
            race["goals"][0],
            json!({
                "quantity": "time to that of ntfsclone of ntfs-3g",
                "limit": 0.4, "measured": 0.25, "met": true
            })
        );
    }
}
