//! Results as lines for people.

use super::{place::Place, report::Record, summary::Summary};
use std::fmt::Write as _;

pub(super) fn table(record: &Record) -> String {
    let conditions = match record.place {
        Place::Memory => "",
        Place::Disk if record.job.writes_file() => {
            " (nothing cached; programs that do not sync their output are followed by sync)"
        }
        Place::Disk => " (nothing cached)",
    };
    let mut text = format!(
        "\n{}, {}, {}{conditions}\n{:<24}{:>10}{:>9}{:>9}{:>10}{:>9}{:>10}{:>14}\n",
        record.volume.name(),
        record.job.name(),
        record.place.name(),
        "",
        "wall s",
        "best",
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
        "  {:<22}{:>10.3}{:>9.3}{:>9.2}{:>10.3}{:>9.2}{:>10.1}{calls:>14}\n",
        summary.contestant.name(),
        summary.wall_seconds,
        summary.best_wall_seconds,
        summary.wall_ratio,
        summary.cpu_seconds,
        summary.cpu_ratio,
        summary.peak_bytes as f64 / (1 << 20) as f64,
    )
}

#[cfg(test)]
mod tests {
    use super::super::{contestant::Contestant, job::Job, volume::Kind};
    use super::*;

    fn record(place: Place) -> Record {
        let summary = |contestant, wall_seconds, wall_ratio, system_calls| Summary {
            contestant,
            wall_seconds,
            best_wall_seconds: 0.9,
            cpu_seconds: 2.0,
            peak_bytes: 24 << 20,
            system_calls,
            wall_ratio,
            cpu_ratio: 1.0,
            size_ratio: None,
            runs: Vec::new(),
        };
        Record {
            place,
            volume: Kind::Bulk,
            job: Job::Clone,
            contestants: vec![
                summary(Contestant::Ours, 1.0, 1.0, Some(3363)),
                summary(Contestant::Reference, 12.3456, 0.081, None),
            ],
            goals: Vec::new(),
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        assert_eq!(
            table(&record(Place::Memory)),
            "
bulk, clone, memory
                            wall s     best  ours/it     CPU s  ours/it  peak MiB  system calls
  ours                       1.000    0.900     1.00     2.000     1.00      24.0          3363
  ntfsclone of ntfs-3g      12.346    0.900     0.08     2.000     1.00      24.0             -
"
        );
    }

    #[test]
    fn on_the_disk_it_is_said_what_else_was_run() {
        let text = table(&record(Place::Disk));
        assert!(text.contains("clone, disk (nothing cached; programs that do not sync"));
    }
}
