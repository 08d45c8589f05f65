//! Restoring what there is of a damaged image, or of a volume in a damaged
//! stream.

use super::lost_data;
use super::restore::{Restoring, check_place, describe, thin_of};
use crate::error::{Error, Result};
use crate::input::{FileSums, Format, OpenInput};
use crate::options::{self, CheckTask, Rescue, RestoreTask, Thin};
use crate::original_report::Copied;
use crate::report::{self, Reports};
use crate::sink::{Destination, Needs, Readers, least_device_size, refuse_metadata};
use crate::source::SalvagedVolume;

/// Writes what there is, and reports what is missing.
pub fn run(
    task: &RestoreTask,
    rescue: &Rescue,
    opened: OpenInput,
    how: options::Progress,
) -> Result<()> {
    let writing = &task.writing;
    let sources = opened.input.metadata.clone();
    let place = check_place(task, &opened.input, &sources)?;
    let destination = Destination::open(&writing.output, Readers::Owner, &sources)?;
    let finding = how.without_percent();
    let salvaged = SalvagedVolume::find(opened, task.checks.threads, finding)?;
    if !salvaged.is_ordinary {
        refuse_metadata(&writing.output, place, task.checks.force)?;
    }
    refuse_discard(&salvaged, writing.thin)?;
    let header = salvaged.header;
    describe(&salvaged.input, &header, writing.reports());

    let volume_size = header.volume_size();
    let device_size = match &salvaged.volume {
        Some(volume) => least_device_size(volume.geometry(), header.tail_size()).max(volume_size),
        None => volume_size + header.tail_size(),
    };
    let needs = Needs {
        bytes: salvaged.bytes(),
        device_size,
    };
    let restoring = Restoring {
        writing,
        header,
        thin: thin_of(task, &salvaged.input, place),
        is_direct: false,
        how,
    };
    Copied::Restored.begins(writing.reports());
    restoring.write(destination, needs, salvaged.fill())?;
    tell(&salvaged, rescue)
}

/// Reports what would be missing, and writes nothing.
pub fn check(
    task: &CheckTask,
    rescue: &Rescue,
    opened: OpenInput,
    how: options::Progress,
) -> Result<()> {
    let salvaged = SalvagedVolume::find(opened, task.checks.threads, how.without_percent())?;
    describe(
        &salvaged.input,
        &salvaged.header,
        Reports::TO_STDOUT.as_original(),
    );
    tell(&salvaged, rescue)
}

/// Reports what is missing, and by the checksum beside the file whether the rest
/// is right.
///
/// # Errors
///
/// Something is missing, or may be wrong.
fn tell(salvaged: &SalvagedVolume, rescue: &Rescue) -> Result<()> {
    let name = &salvaged.input.name;
    if salvaged.untold > 0 {
        report::warning(format!(
            "{}: {} missing of which nothing is left that tells whether they are in use; they \
             are left out",
            name.display(),
            report::count(salvaged.untold, "cluster is", "clusters are")
        ));
    }
    if salvaged.is_shifted {
        report::warning(format!(
            "{}: the count of a gap is wrong, and nothing is left that tells which: clusters may \
             be at wrong places",
            name.display()
        ));
    }
    let doubtful = salvaged.doubtful_bytes();
    if !doubtful.is_empty() {
        let clusters: u64 = salvaged.doubtful.iter().map(|extent| extent.len).sum();
        let clusters = report::count(clusters, "cluster", "clusters");
        let found = match salvaged.input.format {
            Format::Partclone => format!("the checksums of {clusters} do not match"),
            _ => format!("the commands before {clusters} are damaged"),
        };
        report::warning(format!(
            "{}: {found}; their content is written as it is, and may be damaged too",
            name.display(),
        ));
    }
    let lost = lost_data::Lost {
        missing: &salvaged.missing,
        doubtful: &doubtful,
    };
    lost_data::tell_of_salvaged(name, salvaged.volume.as_ref(), lost, rescue)?;
    if !salvaged.is_whole() {
        return Err(Error::MayBeDamaged {
            path: name.clone(),
            found: "not all of it is there, or right; see the warnings".to_owned(),
        });
    }
    compare_sums(salvaged)
}

/// Of what is damaged, it is known already that the checksum is another.
fn compare_sums(salvaged: &SalvagedVolume) -> Result<()> {
    let Some(files) = &salvaged.input.files else {
        return Ok(());
    };
    let Some(sums) = FileSums::beside(files)? else {
        return Ok(());
    };
    match sums.finish(&salvaged.input.name) {
        Err(Error::Checksum {
            path,
            sidecar,
            found,
            expected,
            ..
        }) => Err(Error::MayBeDamaged {
            path,
            found: format!(
                "its checksum is {found}, {} says {expected}: some bytes are wrong, and nothing \
                 tells which",
                sidecar.display()
            ),
        }),
        compared => compared,
    }
}

/// What is missing is not free, nor what an image of metadata leaves out.
fn refuse_discard(salvaged: &SalvagedVolume, thin: Thin) -> Result<()> {
    if thin == Thin::Discard && (!salvaged.is_ordinary || salvaged.untold > 0) {
        return Err(Error::refused(
            &salvaged.input.name,
            "does not tell of all clusters whether they are free",
            "restore it without --discard",
        ));
    }
    Ok(())
}
