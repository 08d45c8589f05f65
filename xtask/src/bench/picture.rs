//! The results as a picture: seconds as bars, for the volumes and jobs of every day.

use super::{
    contestant::Contestant,
    job::Job,
    place::Place,
    report::{Record, Report},
    volume::Kind,
};
use std::fmt::Write as _;

const WIDTH: u32 = 800;
const LABELS_END: u32 = 190;
const LONGEST_BAR: u32 = 500;
const LINE: u32 = 22;
const BAR: u32 = 14;
const GAP: u32 = 18;

/// Readable on light and dark pages; the background is the page's.
const STYLE: &str = "\
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.head { font-weight: 600 }
.quiet { fill: #59636e }
.bar { fill: #a3acb6 }
.ours { fill: #2a78d6 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.quiet { fill: #9198a1 }
.bar { fill: #59636e }
.ours { fill: #4d9bf5 }
}
</style>
";

pub(super) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let mut y = LINE;
    for record in report.races.iter().filter(|record| is_shown(record)) {
        y = draw_race(&mut body, record, y) + GAP;
    }
    let feet = [
        format!(
            "Median of {} rounds, files in memory; shorter is better; each job has a scale of its own.",
            report.rounds
        ),
        format!(
            "{} cores, Linux {}; {}, commit {}",
            report.machine.cores, report.machine.kernel, report.date, report.commit
        ),
    ];
    for foot in feet {
        text(&mut body, "quiet", "start", 0, y, &foot);
        y += LINE;
    }
    let height = y;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"Seconds taken by ntfsclone and by other programs\">\n\
         {STYLE}{body}</svg>\n"
    )
}

fn is_shown(record: &Record) -> bool {
    record.place == Place::Memory
        && match record.volume {
            Kind::Bulk => true,
            Kind::Small => record.job.format().is_none(),
            _ => false,
        }
        && !matches!(
            record.job,
            Job::Check
                | Job::Verify
                | Job::Info
                | Job::Scan
                | Job::IndexGzip
                | Job::IndexZstd
                | Job::IndexXz
                | Job::CatZstd
                | Job::NodeSave
                | Job::NodeVerify
        )
}

/// Each on a scale of its own, since jobs take times of very different length. Returns where it ends.
fn draw_race(body: &mut String, record: &Record, mut y: u32) -> u32 {
    let job = match record.job {
        Job::Save => "Save to an image",
        Job::Restore => "Restore from an image",
        Job::Clone => "Clone to a raw file",
        Job::Metadata => "Save metadata only",
        Job::Compress1 => "Save, compressed (level 1)",
        Job::Compress3 => "Save, compressed (level 3)",
        Job::Check => "Check an image",
        Job::Verify => "Verify an image",
        Job::Info => "Tell of an image",
        Job::Scan => "Scan",
        Job::ToRaw => "Convert to raw",
        Job::ToQcow2 => "Convert to qcow2",
        Job::ToVhdx => "Convert to VHDX",
        Job::ToVmdk => "Convert to VMDK, compressed",
        Job::FromPartclone => "Convert from partclone to raw",
        Job::Ls => "List all files",
        Job::Cat => "Read a file",
        Job::IndexGzip => "Index of a gzip file",
        Job::IndexZstd => "Index of a zstd file",
        Job::IndexXz => "Index of an xz file",
        Job::CatZstd => "Read a MiB of a zstd file",
        Job::NodeSave => "Save on one core",
        Job::NodeVerify => "Verify on one core",
        Job::MountRead => "Read through a mount",
        Job::Serve => "Serve an image by NBD",
        Job::RestoreSize => "Restore in the least size",
    };
    let content = match record.volume {
        Kind::Bulk => "3 GiB in large files",
        Kind::Small => "150 000 small files",
        Kind::Fragmented => "fragmented files",
        Kind::Sparse => "2 GiB in 1 TiB",
        Kind::Giant => "16 TiB, as good as empty",
    };
    text(body, "head", "start", 0, y, &format!("{job}: {content}"));
    y += LINE;
    let longest = record
        .contestants
        .iter()
        .map(|summary| summary.wall_seconds)
        .fold(f64::MIN_POSITIVE, f64::max);
    for summary in &record.contestants {
        let class = match summary.contestant {
            Contestant::Ours => "bar ours",
            _ => "bar",
        };
        let name = match summary.contestant {
            Contestant::Ours => "this ntfsclone",
            other => other.name(),
        };
        let length = summary.wall_seconds / longest * f64::from(LONGEST_BAR);
        text(body, "", "end", LABELS_END, y, name);
        // Writing to a string cannot fail.
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>",
            LABELS_END + 8,
            y + 2 - BAR,
        );
        let end = f64::from(LABELS_END + 14) + length;
        let _ = writeln!(
            body,
            "<text x=\"{end:.1}\" y=\"{y}\">{}</text>",
            duration(summary.wall_seconds)
        );
        y += LINE;
    }
    y
}

fn duration(seconds: f64) -> String {
    match seconds < 0.1 {
        true => format!("{:.0} ms", seconds * 1000.0),
        false => format!("{seconds:.2} s"),
    }
}

fn text(body: &mut String, class: &str, anchor: &str, x: u32, y: u32, text: &str) {
    let _ = writeln!(
        body,
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x}\" y=\"{y}\">{text}</text>"
    );
}
