//! Whether two volumes that are to be compared are of one origin. That they are not
//! is said at once: to compare all of them would take hours, and say less.

use std::ops::Range;
use std::path::Path;

use ntfsclone_core::check::{Code, Finding, Findings};
use ntfsclone_core::ntfs::VolumeInfo;
use ntfsclone_core::ntfs::boot_sector::{HIDDEN_SECTORS_OFFSET, SERIAL_NUMBER_OFFSET};

use crate::input::OpenInput;
use crate::report;
use crate::source::inside;

/// What two copies of one volume may have of their own in their boot sectors: what is ours, and
/// what is theirs, where these differ.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::commands::verify) struct OwnFields {
    /// Serial numbers, as `--new-serial` makes them.
    pub(super) serials: Option<(u64, u64)>,
    /// Sectors before the volume, as `convert` sets them for the disk that it makes.
    pub(super) hidden_sectors: Option<(u32, u32)>,
}

/// What is known of two volumes at once.
pub(in crate::commands::verify) enum Identities {
    /// They may be of one origin.
    One(OwnFields),
    /// They are not, as the finding says.
    Two(Finding),
}

/// What tells a volume from others.
struct Identity {
    serial: u64,
    hidden_sectors: u32,
    /// `None` if it cannot be read.
    label: Option<String>,
    clusters: u64,
    cluster_size: u32,
}

/// Compares what is known of both at once.
pub(in crate::commands::verify) fn identify(ours: &OpenInput, other: &OpenInput) -> Identities {
    let (Some(mine), Some(theirs)) = (Identity::of(ours), Identity::of(other)) else {
        return Identities::One(OwnFields::default());
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
    let serials = (mine.serial, theirs.serial);
    let hidden_sectors = (mine.hidden_sectors, theirs.hidden_sectors);
    Identities::One(OwnFields {
        serials: Some(serials).filter(|(ours, theirs)| ours != theirs),
        hidden_sectors: Some(hidden_sectors).filter(|(ours, theirs)| ours != theirs),
    })
}

impl OwnFields {
    /// Reports what differs, which is not taken for a difference.
    pub(super) fn tell(self, other: &Path, findings: &mut Findings) {
        let other = other.display();
        if let Some((ours, theirs)) = self.serials {
            let message =
                format!("the serial number is {ours:016X}, that of {other} is {theirs:016X}");
            findings.push(Finding::new(Code::SerialDiffers, None, message));
        }
        if let Some((ours, theirs)) = self.hidden_sectors {
            let message = format!(
                "the boot sectors are those of a volume at sector {ours} of its disk, those of \
                 {other} at sector {theirs}"
            );
            findings.push(Finding::new(Code::HiddenSectorsDiffer, None, message));
        }
    }

    /// The fields that differ, in bytes of a boot sector.
    pub(super) fn ranges(self) -> impl Iterator<Item = Range<u64>> {
        let serials = self.serials.map(|_| (SERIAL_NUMBER_OFFSET, 8));
        let hidden_sectors = self.hidden_sectors.map(|_| (HIDDEN_SECTORS_OFFSET, 4));
        let fields = [serials, hidden_sectors].into_iter().flatten();
        fields.map(|(start, len)| start as u64..(start + len) as u64)
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
            hidden_sectors: volume.boot().hidden_sectors,
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
