//! Whether a run kept the promises of docs/security.md.

use super::{
    content,
    fault::{Fault, Stream},
    inputs::Inputs,
    job::{Content, Job, Product},
    mapfile::Mapfile,
    trial::Outcome,
};
use std::collections::BTreeMap;

/// Which promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Broken {
    /// Success is claimed, by the exit status, by a final name or by a map, of what is not there.
    FalseSuccess,
    /// A file is left that nobody asked for.
    Leftover,
    /// A failure without a message, or a half-written target that is not called so.
    Silent,
    Hang,
    /// A panic, an abort or a signal that nobody sent.
    Crash,
}

/// What the map file of a rescue begins with.
const MAP_START: &[u8] = b"# Mapfile";

/// Panics that Rust's standard library makes of calls that fail in no other way than by strace.
const STANDARD_LIBRARY: &[&str] = &[
    "unexpected error during closedir",
    "failed to allocate an alternative stack",
];

#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) broken: Broken,
    pub(super) text: String,
}

pub(super) struct Case<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) job: &'a Job,
    pub(super) fault: &'a Fault,
    /// The same job without a fault.
    pub(super) clean: &'a Outcome,
}

/// Whether the run did not even begin: the loader could not start the program, or the kernel could not load it.
pub(super) fn did_not_start(fault: &Fault, outcome: &Outcome) -> bool {
    const SEGMENTATION_FAULT: i32 = 128 + 11;
    let is_unloadable = matches!(fault, Fault::Limit { option: "as", .. })
        && outcome.code() == Some(SEGMENTATION_FAULT)
        && outcome.stderr.is_empty();
    outcome.code() == Some(127) || is_unloadable
}

impl Case<'_> {
    pub(super) fn judge(&self, outcome: &Outcome) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |broken, text: String| findings.push(Finding { broken, text });
        let Some(code) = outcome.code() else {
            find(Broken::Hang, "does not end".to_owned());
            return findings;
        };
        if let Some(text) = self.crash(code, outcome) {
            find(Broken::Crash, text);
        }
        for name in &outcome.changed_inputs {
            find(Broken::FalseSuccess, format!("{name} was written to"));
        }
        match code {
            0 => self.judge_success(outcome, &mut find),
            3 if self.job.is_rescue() => self.judge_success(outcome, &mut find),
            _ => self.judge_failure(outcome, &mut find),
        }
        self.judge_files(code, outcome, &mut find);
        findings
    }

    fn crash(&self, code: i32, outcome: &Outcome) -> Option<String> {
        let mut lines = outcome.stderr.lines();
        if let Some(panic) = lines.find(|line| line.contains("panicked at")) {
            let message = lines.next().unwrap_or_default();
            let is_std = STANDARD_LIBRARY.iter().any(|text| message.contains(text));
            return (!is_std).then(|| format!("panic: {panic} {message}"));
        }
        let is_signal = outcome.status.is_some_and(|status| status.code().is_none());
        // Rust ends a program so that has no memory for some bytes; what it leaves is judged all the same.
        let is_without_memory = outcome.stderr.contains("memory allocation of ");
        if code == 101 || is_signal && !self.fault.is_signal() && !is_without_memory {
            let last = outcome.stderr.lines().last().unwrap_or_default();
            return Some(format!("exit status {code}: {last}"));
        }
        None
    }

    fn judge_success(&self, outcome: &Outcome, find: &mut impl FnMut(Broken, String)) {
        let code = outcome.code();
        let bytes = match self.job.product {
            Product::Report => {
                let wrong = content::report_lines(&outcome.stdout)
                    != content::report_lines(&self.clean.stdout);
                let is_lost = *self.fault == Fault::Stream(Stream::StdoutFull);
                let is_heard = !matches!(self.fault, Fault::Stream(_));
                if is_lost || is_heard && wrong && !self.warns(outcome) {
                    find(
                        Broken::FalseSuccess,
                        "exit status 0, and the report is not complete".to_owned(),
                    );
                }
                return;
            }
            Product::Verdict => return,
            Product::Stdout => match self.fault {
                // Started without standard output, the program writes to /dev/null, as others do.
                Fault::Stream(Stream::StdoutClosed) => return,
                _ => Some(&outcome.stdout),
            },
            Product::Device => Some(&outcome.device),
            _ => self.job.file().and_then(|name| outcome.files.get(name)),
        };
        let Some(bytes) = bytes else {
            find(
                Broken::FalseSuccess,
                format!("exit status {code:?} without the output"),
            );
            return;
        };
        if let Some(text) = self.content_error(outcome, bytes) {
            find(
                Broken::FalseSuccess,
                format!("exit status {}: {text}", code.unwrap_or(-1)),
            );
        }
        for name in self.clean.files.keys() {
            if !outcome.files.contains_key(name) {
                find(
                    Broken::FalseSuccess,
                    format!("exit status 0 without {name}"),
                );
            }
        }
    }

    fn judge_failure(&self, outcome: &Outcome, find: &mut impl FnMut(Broken, String)) {
        // Its name is no message.
        let mut lines = outcome.stderr.lines();
        let is_silent = lines.all(|line| line.trim().is_empty() || line.starts_with("ntfsclone v"));
        let must_speak = !self.fault.hinders_messages() && !self.fault.is_signal();
        if is_silent && must_speak {
            find(
                Broken::Silent,
                format!("exit status {:?} without a message", outcome.code()),
            );
        }
        let file = self.job.file().and_then(|name| outcome.files.get(name));
        match (self.job.product, file) {
            (Product::New(name) | Product::Kept(name), Some(bytes)) => {
                if let Some(text) = self.content_error(outcome, bytes) {
                    find(
                        Broken::FalseSuccess,
                        format!("a failed run leaves {name}: {text}"),
                    );
                }
            }
            (Product::Replaced(name), None) => {
                find(Broken::FalseSuccess, format!("the old {name} is gone"))
            }
            (Product::Replaced(name), Some(bytes)) if *bytes != self.inputs.old => {
                if let Some(text) = self.content_error(outcome, bytes) {
                    find(
                        Broken::FalseSuccess,
                        format!("a failed run leaves {name}: {text}"),
                    );
                }
            }
            (Product::InPlace(name), bytes) => {
                self.judge_half_written(name, bytes.map_or(&[], Vec::as_slice), outcome, find);
            }
            (Product::Device, _) => {
                self.judge_half_written("the device", &outcome.device, outcome, find)
            }
            _ => {}
        }
    }

    /// Whether the report itself says that something is wrong with the volume: what cannot be read looks damaged.
    fn warns(&self, outcome: &Outcome) -> bool {
        let text = String::from_utf8_lossy(&outcome.stdout);
        let json = serde_json::from_str::<serde_json::Value>(&text);
        match json {
            Ok(report) => {
                report["warnings"].as_u64() > Some(0)
                    || report["volume"]["is_from_backup_boot_sector"] == true
            }
            Err(_) => {
                text.contains("\nSound, with warnings\n")
                    || text.contains("the first boot sector is damaged")
            }
        }
    }

    /// What is neither old nor new must be called so.
    fn judge_half_written(
        &self,
        name: &str,
        bytes: &[u8],
        outcome: &Outcome,
        find: &mut impl FnMut(Broken, String),
    ) {
        let is_said =
            outcome.stderr.contains("half written") || outcome.stderr.contains("all was written");
        let must_speak =
            !self.fault.hinders_messages() && !self.fault.is_kill() && !self.ends_unheard(outcome);
        let is_whole = *bytes == *self.inputs.old || self.content_error(outcome, bytes).is_none();
        if must_speak && !is_said && !is_whole {
            find(
                Broken::Silent,
                format!("{name} is half written, and nothing says so"),
            );
        }
    }

    /// Whether a signal ended the process that it has no handler for.
    fn ends_unheard(&self, outcome: &Outcome) -> bool {
        self.fault.is_signal() && outcome.status.is_some_and(|status| status.code().is_none())
    }

    /// Looks at every file that is there, whatever the exit status.
    fn judge_files(&self, code: i32, outcome: &Outcome, find: &mut impl FnMut(Broken, String)) {
        let files = &outcome.files;
        for (name, bytes) in files {
            let is_known = self.clean.files.contains_key(name)
                || self.job.setup.iter().any(|(_, known)| known == name);
            let is_said = outcome.stderr.contains(name.as_str()) || self.fault.hinders_messages();
            // What was rescued, and a complete file whose checksum could not get its name.
            let may_be_kept =
                matches!(self.job.product, Product::Kept(_)) || self.job.has_checksum();
            let may_be_left = self.fault.hinders_removal()
                || may_be_kept && is_said
                || self.fault.is_kill() && name.contains(".part");
            if !is_known && !may_be_left {
                find(
                    Broken::Leftover,
                    format!("exit status {code} leaves {name}, {} bytes", bytes.len()),
                );
            }
            // One that does not have its name yet may speak of what comes.
            if bytes.starts_with(MAP_START) && name.ends_with("map") {
                self.judge_map(name, bytes, code, files, find);
            }
        }
        if let Some((name, report)) = files.get_key_value("report")
            && serde_json::from_slice::<serde_json::Value>(report).is_err()
            && !self.fault.is_kill()
        {
            find(
                Broken::Leftover,
                format!("exit status {code} leaves half of a {name}"),
            );
        }
        if files.get("map").is_some_and(Vec::is_empty) {
            find(Broken::FalseSuccess, "the map is empty".to_owned());
        }
        if self.job.has_checksum() {
            self.judge_checksum(code, files, find);
        }
    }

    /// A map may only claim what is in the output, which is the other file if that has no final name.
    fn judge_map(
        &self,
        name: &str,
        text: &[u8],
        code: i32,
        files: &BTreeMap<String, Vec<u8>>,
        find: &mut impl FnMut(Broken, String),
    ) {
        if !matches!(self.job.product, Product::Kept(_) | Product::Mapped(_)) {
            return;
        }
        let map = match Mapfile::parse(&String::from_utf8_lossy(text)) {
            Ok(map) => map,
            Err(error) => return find(Broken::FalseSuccess, format!("{name}: {error}")),
        };
        let mut others = files
            .iter()
            .filter(|(other, bytes)| !bytes.starts_with(MAP_START) && *other != "report");
        let own = self.job.file().and_then(|file| files.get(file));
        let Some(output) = own.or_else(|| others.next().map(|(_, bytes)| bytes)) else {
            if map.finished().next().is_some() {
                let text = format!("{name} without what it speaks of");
                find(Broken::FalseSuccess, text);
            }
            return;
        };
        for range in map.finished() {
            let there = output.get(range.clone());
            if there.is_none() || there != self.inputs.volume.get(range.clone()) {
                let text = format!(
                    "{name} claims bytes {:#x}..{:#x}, which are not there",
                    range.start, range.end
                );
                return find(Broken::FalseSuccess, text);
            }
        }
        if code == 0 && map.state != '+' {
            find(
                Broken::FalseSuccess,
                format!("exit status 0, and {name} is not finished"),
            );
        }
    }

    /// File and checksum appear together, or not at all.
    fn judge_checksum(
        &self,
        code: i32,
        files: &BTreeMap<String, Vec<u8>>,
        find: &mut impl FnMut(Broken, String),
    ) {
        let Some(name) = self.job.file() else { return };
        let output = files.get(name).filter(|bytes| **bytes != self.inputs.old);
        let sidecar = files.get(&format!("{name}.b3"));
        match (output, sidecar) {
            (None, None) => {}
            (Some(output), Some(sidecar)) => {
                let expected = blake3::hash(output).to_hex().to_string();
                if !String::from_utf8_lossy(sidecar).starts_with(&expected) {
                    find(
                        Broken::FalseSuccess,
                        format!("exit status {code}: {name}.b3 is wrong"),
                    );
                }
            }
            // Two names cannot be given at once; nor taken back, if renaming is what fails.
            (Some(_), None) | (None, Some(_))
                if self.fault.is_kill() || self.fault.hinders_removal() => {}
            (Some(_), None) => find(
                Broken::FalseSuccess,
                format!("exit status {code}: {name} is there without its checksum"),
            ),
            (None, Some(_)) => find(
                Broken::Leftover,
                format!("exit status {code}: {name}.b3 is there without its file"),
            ),
        }
    }

    /// What is wrong with a product that is meant to be complete.
    fn content_error(&self, outcome: &Outcome, bytes: &[u8]) -> Option<String> {
        let is_lossy = outcome.code() != Some(0);
        match (self.job.is_rescue(), self.job.content) {
            (true, Content::Clone) => return content::rescued_error(self.inputs, bytes, is_lossy),
            (true, Content::Image) => {
                let restored = content::restore(bytes, self.inputs.volume.len());
                return restored.map_or_else(Some, |raw| {
                    content::rescued_error(self.inputs, &raw, is_lossy)
                });
            }
            _ => {}
        }
        let clean = self.job.file().and_then(|name| self.clean.files.get(name));
        content::error(
            self.inputs,
            self.job,
            bytes,
            clean.map_or(&[], Vec::as_slice),
        )
    }
}
