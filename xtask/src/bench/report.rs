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
