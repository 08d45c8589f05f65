//! What is to be reached, and whether it was.

use super::{
    contestant::Contestant,
    job::Job,
    place::Place,
    summary::Summary,
    volume::{Kind, Volume},
};
use serde::Serialize;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Quantity {
    /// As a part of what the other one takes.
    WallTime(Contestant),
    CpuTime(Contestant),
    Size(Contestant),
    /// What the other one takes, as a multiple of our time.
    TimeOf(Contestant),
    Seconds,
    /// The length of our output, as a part of the volume's.
    ShareOfVolume,
    PeakBytes,
}

#[derive(Serialize)]
pub(super) struct Verdict {
    #[serde(serialize_with = "as_text")]
    quantity: Quantity,
    limit: f64,
    measured: f64,
    met: bool,
}

/// Nothing is said of programs that were not there.
pub(super) fn judge(
    place: Place,
    volume: &Volume,
    job: Job,
    summaries: &[Summary],
) -> Vec<Verdict> {
    let of = |contestant| {
        summaries
            .iter()
            .find(|summary| summary.contestant == contestant)
    };
    goals(place, volume, job)
        .into_iter()
        .filter_map(|(quantity, limit)| {
            let measured = match quantity {
                Quantity::WallTime(other) => of(other)?.wall_ratio,
                Quantity::CpuTime(other) => of(other)?.cpu_ratio,
                Quantity::Size(other) => of(other)?.size_ratio?,
                Quantity::TimeOf(other) => of(other)?.wall_ratio.recip(),
                Quantity::Seconds => of(Contestant::Ours)?.wall_seconds,
                Quantity::ShareOfVolume => {
                    let output = of(Contestant::Ours)?.runs.first()?.output_bytes?;
                    output as f64 / volume.size as f64
                }
                Quantity::PeakBytes => of(Contestant::Ours)?.peak_bytes as f64,
            };
            Some(Verdict {
                quantity,
                limit,
                measured,
                met: measured <= limit,
            })
        })
        .collect()
}

fn goals(place: Place, volume: &Volume, job: Job) -> Vec<(Quantity, f64)> {
    use Contestant::{
        Cp, Gzip, Mount, Node, OursPlain, Partclone, PartcloneRestore, QemuImg, QemuNbd, Reference,
        ReferenceZstd, Xz, Zstd,
    };
    use Quantity::{CpuTime, PeakBytes, Seconds, ShareOfVolume, Size, TimeOf, WallTime};
    let copies = matches!(job, Job::Save | Job::Restore | Job::Clone | Job::Metadata);
    let everyday = matches!(volume.kind, Kind::Bulk | Kind::Small);
    let mut goals = Vec::new();
    match place {
        Place::Memory if copies && everyday => goals.push((WallTime(Reference), 0.40)),
        Place::Disk if copies && everyday => {
            goals.extend([(WallTime(Reference), 1.0), (CpuTime(Reference), 0.40)]);
        }
        Place::Memory | Place::Disk => {}
    }
    if job.level().is_some() {
        goals.extend([(WallTime(ReferenceZstd), 1.0), (Size(ReferenceZstd), 1.02)]);
    }
    match job {
        Job::RestoreSize => goals.push((WallTime(OursPlain), 1.10)),
        Job::FromPartclone => goals.push((WallTime(PartcloneRestore), 1.0)),
        // The same compression, by its effect.
        Job::ToVmdk => goals.extend([(WallTime(QemuImg), 1.0), (Size(QemuImg), 1.02)]),
        _ if job.format().is_some() => goals.push((WallTime(QemuImg), 1.0)),
        _ => {}
    }
    match (place, job, volume.kind) {
        // At least 0.6 of our speed.
        (_, Job::NodeSave | Job::NodeVerify, _) => goals.push((TimeOf(Node), 1.0 / 0.6)),
        (_, Job::Ls, _) => goals.push((WallTime(Mount), 0.5)),
        (_, Job::Cat | Job::MountRead, _) => goals.push((WallTime(Mount), 1.0)),
        // At least 0.8 of its speed.
        (_, Job::Serve, _) => goals.push((WallTime(QemuNbd), 1.0 / 0.8)),
        (_, Job::IndexGzip, _) => goals.extend([(WallTime(Gzip), 0.6), (ShareOfVolume, 0.005)]),
        (_, Job::IndexZstd, _) => goals.extend([(WallTime(Zstd), 1.15), (ShareOfVolume, 0.005)]),
        (_, Job::IndexXz, _) => goals.extend([(WallTime(Xz), 1.15), (ShareOfVolume, 0.005)]),
        (_, Job::CatZstd, _) => goals.push((Seconds, 0.3)),
        (_, Job::Info, _) => goals.push((Seconds, 1.0)),
        (Place::Memory, Job::Save, Kind::Bulk) => {
            goals.extend([(WallTime(Cp), 0.75), (WallTime(Partclone), 0.10)]);
        }
        (Place::Memory, Job::Save, Kind::Small) => goals.push((WallTime(Partclone), 0.10)),
        (Place::Memory, Job::Save, Kind::Giant) => goals.push((Seconds, 10.0)),
        // Of the others it takes no longer than reading the first bytes of an image.
        (Place::Memory, Job::Scan, Kind::Small | Kind::Giant) => {
            goals.push((WallTime(Reference), 0.15));
        }
        _ => {}
    }
    // 64 MiB, and 1.25 bits for each cluster.
    let memory = (64 << 20) as f64 + volume.clusters as f64 * 1.25 / 8.0;
    goals.push((PeakBytes, memory));
    goals
}

fn as_text<S: serde::Serializer>(quantity: &Quantity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(quantity)
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WallTime(other) => write!(formatter, "time to that of {}", other.name()),
            Self::CpuTime(other) => write!(formatter, "CPU time to that of {}", other.name()),
            Self::Size(other) => write!(formatter, "size to that of {}", other.name()),
            Self::TimeOf(other) => write!(formatter, "time of {} to ours", other.name()),
            Self::ShareOfVolume => formatter.write_str("size to that of the volume"),
            Self::Seconds => formatter.write_str("seconds"),
            Self::PeakBytes => formatter.write_str("peak memory in bytes"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.met { "met" } else { "MISSED" };
        let [measured, limit] = [self.measured, self.limit].map(|value| match self.quantity {
            Quantity::PeakBytes => format!("{:.0} MiB", value / (1 << 20) as f64),
            Quantity::ShareOfVolume => format!("{:.2} %", value * 100.0),
            _ => format!("{value:.2}"),
        });
        let quantity = match self.quantity {
            Quantity::PeakBytes => "peak memory".to_owned(),
            quantity => quantity.to_string(),
        };
        write!(
            formatter,
            "{word:<7}{quantity}: {measured}, at most {limit}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(contestant: Contestant, wall_ratio: f64) -> Summary {
        Summary {
            contestant,
            wall_seconds: 1.0,
            best_wall_seconds: 1.0,
            cpu_seconds: 1.0,
            peak_bytes: 70 << 20,
            system_calls: None,
            wall_ratio,
            cpu_ratio: wall_ratio,
            size_ratio: None,
            runs: Vec::new(),
        }
    }

    fn lines(place: Place, kind: Kind, clusters: u64, others: &[(Contestant, f64)]) -> Vec<String> {
        let volume = Volume {
            kind,
            size: clusters * 4096,
            cluster_size: 4096,
            clusters,
            used: 0,
            path: "volume".into(),
        };
        let summaries: Vec<Summary> = [(Contestant::Ours, 1.0)]
            .iter()
            .chain(others)
            .map(|(contestant, ratio)| summary(*contestant, *ratio))
            .collect();
        judge(place, &volume, Job::Save, &summaries)
            .iter()
            .map(Verdict::to_string)
            .collect()
    }

    #[test]
    fn goals_are_met_or_missed() {
        let others = [(Contestant::Reference, 0.41), (Contestant::Cp, 0.75)];
        assert_eq!(
            lines(Place::Memory, Kind::Bulk, 1000, &others),
            [
                "MISSED time to that of ntfsclone of ntfs-3g: 0.41, at most 0.40",
                "met    time to that of cp --sparse=always: 0.75, at most 0.75",
                "MISSED peak memory: 70 MiB, at most 64 MiB",
            ]
        );
        assert_eq!(
            lines(Place::Disk, Kind::Bulk, 1000, &others[..1])[..2],
            [
                "met    time to that of ntfsclone of ntfs-3g: 0.41, at most 1.00",
                "MISSED CPU time to that of ntfsclone of ntfs-3g: 0.41, at most 0.40",
            ]
        );
    }

    #[test]
    fn large_volumes_may_take_more_memory() {
        assert_eq!(
            lines(Place::Memory, Kind::Giant, 1 << 32, &[]),
            [
                "met    seconds: 1.00, at most 10.00",
                "met    peak memory: 70 MiB, at most 704 MiB",
            ]
        );
    }
}
