//! A copy that several runs make, with a map file beside it.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use ntfsclone_core::io::ReadAt;

use crate::commands::open_volume::OpenVolume;
use crate::error::{Error, Result};
use crate::options::{CopyTask, Output};
use crate::report;
use crate::rescue::{AreaMap, Checkpoint, DamagedSource, Kept, Mapfile, Medium, Status};
use crate::signals::{self, Unfinished};
use crate::sink::{Place, Target, least_device_size};
use crate::source::{Device, small_file};

/// A copy in which all is kept that is read of the source, and the map of it.
pub struct Continued {
    pub target: Target,
    /// None for a device, if no map file was asked for.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// The map file was asked for, and stays in the end.
    has_mapfile: bool,
}

/// Opens what an earlier run began, of which `mapfile` tells. `retries` is for
/// what is wanted at once.
pub fn go_on(
    task: &CopyTask,
    mapfile: &Path,
    device: &Device,
    medium: Medium,
    retries: u32,
) -> Result<(Arc<DamagedSource>, Continued)> {
    let map = read_mapfile(mapfile, device.size())?;
    let target = open_begun(task, mapfile, device)?;
    let kept = kept_in(&target)?;
    refuse_other_volume(&medium, &kept, &map, mapfile, &target)?;
    let damaged = Arc::new(DamagedSource::resume(medium, retries, map, Some(kept)));
    let checkpoint = Arc::new(Checkpoint::new(Arc::clone(&damaged), mapfile));
    let continued = Continued {
        target,
        checkpoint: Some(checkpoint),
        has_mapfile: true,
    };
    continued.tell_signals()?;
    Ok((damaged, continued))
}

/// Begins the copy that goes with a new map file.
pub fn begin(task: &CopyTask, mapfile: &Path, opened: &OpenVolume) -> Result<Option<Continued>> {
    let (Output::File { path, .. }, Some(damaged)) = (&task.output, opened.device.damaged()) else {
        return Ok(None);
    };
    let place = Place::of(&task.output, opened.device.metadata())?;
    if place == Place::ExistingFile {
        return Err(Error::refused(
            path,
            format!("exists already, and there is no {}", mapfile.display()),
            "name the map file that belongs to it; or remove it to begin anew",
        ));
    }
    let volume = &opened.volume;
    let needed = least_device_size(volume.geometry(), volume.tail_size());
    let target = Target::open_to_continue(path, place, needed)?;
    let checkpoint = Arc::new(Checkpoint::new(Arc::clone(damaged), mapfile));
    let begun = keep_in(&target, opened).and_then(|()| checkpoint.save());
    if let Err(error) = begun {
        if place == Place::NewFile {
            // Nothing but what was read just now is in it.
            let _ = fs::remove_file(path);
        }
        return Err(error);
    }
    let continued = Continued {
        target,
        checkpoint: Some(checkpoint),
        has_mapfile: true,
    };
    continued.tell_signals()?;
    Ok(Some(continued))
}

impl Continued {
    /// A copy to `target`, for which no map file was asked. What is saved of a
    /// dying disk is not thrown away even so: if the target is a file, there is
    /// a map until it is complete.
    pub fn without_mapfile(target: Target, opened: &OpenVolume) -> Result<Self> {
        keep_in(&target, opened)?;
        let checkpoint = match (target.part(), opened.device.damaged()) {
            (Some(part), Some(damaged)) => {
                let mut path = part.as_os_str().to_owned();
                path.push(".map");
                let checkpoint = Checkpoint::new(Arc::clone(damaged), path.as_ref());
                Some(Arc::new(checkpoint))
            }
            _ => None,
        };
        let continued = Self {
            target,
            checkpoint,
            has_mapfile: false,
        };
        continued.tell_signals()?;
        Ok(continued)
    }

    /// Finishes the target of a rescue that ended so; what was saved is noted,
    /// however that was.
    pub fn end<T>(mut self, rescued: Result<T>) -> Result<T> {
        let Some(checkpoint) = &self.checkpoint else {
            let finished = rescued.and_then(|value| self.target.finish().map(|()| value));
            return finished.map_err(|error| self.target.explain(error));
        };
        let noted = checkpoint.save();
        match rescued.and_then(|value| noted.map(|()| value)) {
            Ok(value) => {
                self.target.finish()?;
                if !self.has_mapfile {
                    // It speaks of a name that is gone.
                    let _ = fs::remove_file(checkpoint.path());
                }
                Ok(value)
            }
            Err(error) => {
                let what = saved(checkpoint, &self.where_it_is(checkpoint));
                self.target.leave()?;
                let source = Box::new(error);
                Err(Error::HalfWritten { what, source })
            }
        }
    }

    /// What an interruption does.
    fn tell_signals(&self) -> Result<()> {
        let Some(checkpoint) = self.checkpoint.clone() else {
            return Ok(());
        };
        let text = self.where_it_is(&checkpoint);
        let save = move || checkpoint.save().map(|()| saved(&checkpoint, &text));
        signals::begin(|| Ok(((), Unfinished::Continued(Box::new(save)))))
    }

    fn where_it_is(&self, checkpoint: &Checkpoint) -> String {
        let map = checkpoint.path().display();
        match self.target.part() {
            None => format!(
                "in {} and noted in {map}; the same command goes on",
                self.target.name().display()
            ),
            Some(part) => format!(
                "in {} and noted in {map}; go on with --rescue --mapfile {map} -o {0}",
                part.display()
            ),
        }
    }
}

fn saved(checkpoint: &Checkpoint, text: &str) -> String {
    let bytes = report::size(checkpoint.saved_bytes());
    format!("{bytes} are saved {text}")
}

fn keep_in(target: &Target, opened: &OpenVolume) -> Result<()> {
    let Some(damaged) = opened.device.damaged() else {
        return Ok(());
    };
    let kept = damaged.keep_in(kept_in(target)?);
    kept.map_err(|error| Error::io("rescue", opened.device.path(), error))
}

/// The target as what keeps all that is read.
fn kept_in(target: &Target) -> Result<Kept> {
    let file = target.handle()?;
    Ok(Kept::output(file, target.name(), target.device_size()))
}

/// No map has more: it would be that of a disk with ten million bad sectors.
const LARGEST_MAPFILE: u64 = 1 << 30;

fn read_mapfile(path: &Path, size: u64) -> Result<AreaMap> {
    let failed = |error| Error::io("read", path, error);
    let bytes = match small_file::read(path, LARGEST_MAPFILE) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge
            ) =>
        {
            let remedy = "name the map file of this rescue, or one that does not exist yet";
            return Err(Error::refused(path, "is no map file", remedy));
        }
        read => read.map_err(failed)?,
    };
    let mapfile = Mapfile::parse(&String::from_utf8_lossy(&bytes), size, path)?;
    Ok(mapfile.map)
}

/// Opens the output of an earlier run.
fn open_begun(task: &CopyTask, mapfile: &Path, device: &Device) -> Result<Target> {
    let place = Place::of(&task.output, device.metadata())?;
    let path = task.output.name();
    if place == Place::NewFile {
        return Err(Error::refused(
            &path,
            format!(
                "is not there, but {} says what was saved to it",
                mapfile.display()
            ),
            "name the output that belongs to the map file; or remove the map file to begin anew",
        ));
    }
    Target::open_to_continue(&path, place, 0)
}

/// A map file that is taken for another's would have good data left out, or
/// written over.
fn refuse_other_volume(
    medium: &Medium,
    kept: &Kept,
    map: &AreaMap,
    mapfile: &Path,
    target: &Target,
) -> Result<()> {
    let refused = |found: &str| {
        Err(Error::refused(
            mapfile,
            format!("{found} {}", target.name().display()),
            "name the map file and the output that belong to this source",
        ))
    };
    let finished = map.within(0..map.size(), Status::Finished);
    let end = finished.last().map_or(0, |range| range.end);
    let len = target.len()?;
    if len < end {
        return refused("says that more is saved than there is in");
    }
    let Some(first) = finished.first().filter(|first| first.start == 0) else {
        return Ok(());
    };
    let sector = medium.sector().min(first.end);
    let mut saved = vec![0; sector as usize];
    let read = kept.read(0, &mut saved);
    read.map_err(|error| Error::io("read", target.name(), error))?;
    match medium.first_sector() {
        Some(found) if found[..saved.len()] != saved => {
            refused("belongs to another volume, or another state of it, than what is in")
        }
        _ => Ok(()),
    }
}
