//! Whether two volumes that are to be compared are of one origin. That they are not
//! is said at once: to compare all of them would take hours, and say less.

use std::path::Path;

use ntfsclone_core::check::{Code, Finding, Findings};
use ntfsclone_core::ntfs::VolumeInfo;

use crate::input::OpenInput;
use crate::report;
use crate::source::inside;

/// The serial numbers of two volumes that agree in all else that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::verify) enum Serials {
    Equal,
    /// As `--new-serial` makes them.
    Differ {
        ours: u64,
        theirs: u64,
    },
}

/// What is known of two volumes at once.
pub(in crate::commands::verify) enum Identities {
    /// They may be of one origin.
    One(Serials),
    /// They are not, as the finding says.
    Two(Finding),
}

/// What tells a volume from others.
struct Identity {
    serial: u64,
    /// `None` if it cannot be read.
    label: Option<String>,
    clusters: u64,
    cluster_size: u32,
}

/// Compares what is known of both at once.
pub(in crate::commands::verify) fn identify(ours: &OpenInput, other: &OpenInput) -> Identities {
    let (Some(mine), Some(theirs)) = (Identity::of(ours), Identity::of(other)) else {
        return Identities::One(Serials::Equal);
    };
    let (name, other_name) = (&*ours.input.name, &*other.input.name);
    let differences = mine.differences(&theirs);
    let has_one_size = (mine.clusters, mine.cluster_size) == (theirs.clusters, theirs.cluster_size);
    let is_relabelled =
        mine.label.is_some() && theirs.label.is_some() && mine.label != theirs.label;
    if !has_one_size || (is_relabelled && mine.serial != theirs.serial) {
        let message = format!(
            "{} and {} are two volumes: {differences}; nothing else was compared",
            name.display(),
            other_name.display()
        );
        return Identities::Two(Finding::new(Code::OtherVolume, None, message));
    }
    if !differences.is_empty() {
        report::warning(format_args!(
            "{} and {}: {differences}",
            name.display(),
            other_name.display()
        ));
    }
    Identities::One(match mine.serial == theirs.serial {
        true => Serials::Equal,
        false => Serials::Differ {
            ours: mine.serial,
            theirs: theirs.serial,
        },
    })
}

/// Reports serial numbers that differ, which is not taken for a difference.
pub(super) fn tell(serials: Serials, other: &Path, findings: &mut Findings) {
    if let Serials::Differ { ours, theirs } = serials {
        let message = format!(
            "the serial number is {ours:016X}, that of {} is {theirs:016X}",
            other.display()
        );
        findings.push(Finding::new(Code::SerialDiffers, None, message));
    }
}

impl Identity {
    /// `None` if it cannot be read without reading all of it.
    fn of(opened: &OpenInput) -> Option<Self> {
        let inside = inside::at_once(&opened.input, &opened.bytes).ok()??;
        let volume = inside.open_volume().ok()?;
        let info = VolumeInfo::read(&volume).ok();
        let geometry = volume.geometry();
        Some(Self {
            serial: volume.boot().serial_number,
            label: info.map(|info| info.label),
            clusters: geometry.nr_clusters(),
            cluster_size: geometry.cluster_size,
        })
    }

    /// Empty if there are none.
    fn differences(&self, other: &Self) -> String {
        let serials = (self.serial != other.serial).then(|| {
            format!(
                "their serial numbers are {:016X} and {:016X}",
                self.serial, other.serial
            )
        });
        let labels = self.label.as_ref().zip(other.label.as_ref());
        let labels = labels.filter(|(one, other)| one != other);
        let labels = labels.map(|(one, other)| format!("their labels are {one:?} and {other:?}"));
        let sizes = (self.clusters, self.cluster_size) != (other.clusters, other.cluster_size);
        let sizes = sizes.then(|| {
            format!(
                "they have {} clusters of {} bytes and {} of {}",
                self.clusters, self.cluster_size, other.clusters, other.cluster_size
            )
        });
        let differences = [serials, labels, sizes].into_iter().flatten();
        differences.collect::<Vec<_>>().join("; ")
    }
}
