//! Results as lines for people.

use super::{report::Record, summary::Summary};
use std::fmt::Write as _;

pub(super) fn table(record: &Record) -> String {
    let mut text = format!(
        "\n{}, {}, {}\n{:<24}{:>10}{:>9}{:>10}{:>9}{:>10}{:>14}\n",
        record.volume.name(),
        record.job.name(),
        record.place.name(),
        "",
        "wall s",
        "ours/it",
        "CPU s",
        "ours/it",
        "peak MiB",
        "system calls",
    );
    for summary in &record.contestants {
        text.push_str(&line(summary));
    }
    for verdict in &record.goals {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {verdict}");
    }
    text
}

fn line(summary: &Summary) -> String {
    let calls = summary
        .system_calls
        .map_or_else(|| "-".to_owned(), |calls| calls.to_string());
    format!(
        "  {:<22}{:>10.3}{:>9.2}{:>10.3}{:>9.2}{:>10.1}{calls:>14}\n",
        summary.contestant.name(),
        summary.wall_seconds,
        summary.wall_ratio,
        summary.cpu_seconds,
        summary.cpu_ratio,
        summary.peak_bytes as f64 / (1 << 20) as f64,
    )
}
