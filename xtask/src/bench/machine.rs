//! The machine that was measured on.

use super::place::meminfo;
use anyhow::{Context, Result};
use serde::Serialize;
use std::{fs, thread};

#[derive(Serialize)]
pub(super) struct Machine {
    pub(super) cores: usize,
    pub(super) processor: String,
    pub(super) memory_bytes: u64,
    pub(super) kernel: String,
}

impl Machine {
    pub(super) fn read() -> Result<Self> {
        let memory = fs::read_to_string("/proc/meminfo")?;
        Ok(Self {
            cores: thread::available_parallelism()?.get(),
            // Not every kind of processor has a name there.
            processor: fs::read_to_string("/proc/cpuinfo")?
                .lines()
                .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
                .map_or_else(String::new, |(_, name)| name.to_owned()),
            memory_bytes: meminfo(&memory, "MemTotal:").context("no MemTotal in /proc/meminfo")?,
            // The number alone: what follows it names a build.
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .split('-')
                .next()
                .unwrap_or_default()
                .to_owned(),
        })
    }
}
