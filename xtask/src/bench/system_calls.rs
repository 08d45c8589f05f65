//! How many system calls a run makes, as strace counts them: in a run of its own, which that makes slow.

use crate::setup;
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

pub(super) fn count(commands: &[Command], summary: &Path) -> Result<u64> {
    let strace = setup::find("strace").context("strace is missing")?;
    let mut calls = 0;
    for command in commands {
        let status = Command::new(&strace)
            .args(["-f", "-c", "-o"])
            .arg(summary)
            .arg(command.get_program())
            .args(command.get_args())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        ensure!(status.success(), "under strace: {status}");
        let text = fs::read_to_string(summary)?;
        calls += total(&text).with_context(|| format!("no total in\n{text}"))?;
    }
    Ok(calls)
}

/// The calls in strace's last line: share, seconds, microseconds a call, calls, maybe errors, `total`.
fn total(summary: &str) -> Option<u64> {
    let line = summary.lines().find(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_with_and_without_errors() {
        let line = "100.00    0.001234           3       411         7 total\n";
        assert_eq!(total(line), Some(411));
        assert_eq!(total(&line.replace("  7", "   ")), Some(411));
        assert_eq!(total("100.00 0.001 3 411 write"), None);
    }
}
