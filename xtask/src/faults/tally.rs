//! What the runs of one kind of fault came to.

use super::judge::{Broken, Finding};
use std::{collections::BTreeMap, fmt::Write as _};

/// How many runs with the same finding are shown.
const SHOWN: usize = 3;

#[derive(Default)]
pub(super) struct Tally {
    pub(super) runs: usize,
    failures: Vec<Failure>,
}

/// A run that broke a promise.
pub(super) struct Failure {
    pub(super) job: &'static str,
    pub(super) fault: String,
    pub(super) findings: Vec<Finding>,
    /// The last line on standard error.
    pub(super) message: String,
    pub(super) reproduce: String,
}

impl Tally {
    pub(super) fn add(&mut self, failure: Option<Failure>) {
        self.runs += 1;
        self.failures.extend(failure);
    }

    pub(super) fn broken(&self) -> usize {
        self.failures.len()
    }

    fn count(&self, broken: Broken) -> usize {
        let findings = self.failures.iter().flat_map(|failure| &failure.findings);
        findings.filter(|finding| finding.broken == broken).count()
    }

    pub(super) fn print_findings(&self, kind: &str) {
        let mut groups: BTreeMap<(Broken, &str, String), Vec<&Failure>> = BTreeMap::new();
        for failure in &self.failures {
            for finding in &failure.findings {
                let text = without_numbers(&finding.text);
                let group = groups
                    .entry((finding.broken, failure.job, text))
                    .or_default();
                group.push(failure);
            }
        }
        for ((broken, job, text), failures) in groups {
            println!(
                "{kind}: {broken:?}: {job}: {text} ({} runs)",
                failures.len()
            );
            for failure in failures.iter().take(SHOWN) {
                println!("  {}; it says: {}", failure.fault, failure.message);
                println!("    {}", failure.reproduce);
            }
        }
    }
}

/// One line for each kind of fault.
pub(super) fn table(tallies: &[(&str, Tally)]) -> String {
    const COLUMNS: [(&str, Broken); 5] = [
        ("false successes", Broken::FalseSuccess),
        ("leftovers", Broken::Leftover),
        ("silent", Broken::Silent),
        ("hangs", Broken::Hang),
        ("crashes", Broken::Crash),
    ];
    let mut text = format!("{:<12} {:>6}", "kind", "runs");
    for (name, _) in COLUMNS {
        let _ = write!(text, "  {name}");
    }
    text.push('\n');
    for (kind, tally) in tallies {
        let _ = write!(text, "{kind:<12} {:>6}", tally.runs);
        for (name, broken) in COLUMNS {
            let _ = write!(text, "  {:>1$}", tally.count(broken), name.len());
        }
        text.push('\n');
    }
    text
}

/// Findings that differ only in numbers and made-up names are one.
fn without_numbers(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        if word.contains(".part") {
            return "*.part".to_owned();
        }
        if word.starts_with("0x") {
            return "N".to_owned();
        }
        let mut shown = String::new();
        for c in word.chars() {
            match c {
                '0'..='9' if shown.ends_with('N') => {}
                '0'..='9' => shown.push('N'),
                _ => shown.push(c),
            }
        }
        shown
    });
    words.collect::<Vec<_>>().join(" ")
}
