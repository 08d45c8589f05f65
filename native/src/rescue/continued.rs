//! A copy that several runs make, with a map file beside it.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::Volume;

use super::{AreaMap, Checkpoint, DamagedSource, Kept, Mapfile, Medium, Status, mapfile};
use crate::device;
use crate::error::{Error, Result};
use crate::host::signals::{self, Unfinished};
use crate::options::Output;
use crate::report;
use crate::sink::{Place, Target, directory_of, least_device_size};
use crate::source::Device;

/// A copy in which all is kept that is read of the source, and the map of it.
pub struct Continued {
    pub target: Target,
    /// None for a device, if no map file was asked for.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// The map file was asked for, and stays in the end.
    has_mapfile: bool,
    /// What was saved by earlier runs, if there were any.
    earlier: Option<AreaMap>,
}

/// Opens what an earlier run began, of which `mapfile` tells. `retries` is for
/// what is wanted at once.
pub fn go_on(
    output: &Output,
    mapfile: &Path,
    device: &Device,
    medium: Medium,
    retries: u32,
) -> Result<(Arc<DamagedSource>, Continued)> {
    let text = mapfile::read(mapfile)?;
    let map = Mapfile::parse(&text, device.size(), mapfile)?.map;
    let target = open_begun(output, mapfile, &map, device)?;
    let kept = kept_in(&target, None)?;
    refuse_other_volume(&medium, &kept, &map, mapfile, &target)?;
    let damaged = DamagedSource::resume(medium, retries, map.clone(), Some(kept));
    let damaged = Arc::new(damaged);
    let checkpoint = Arc::new(Checkpoint::new(Arc::clone(&damaged), mapfile)?);
    let mut continued = Continued {
        target,
        checkpoint: Some(checkpoint),
        has_mapfile: true,
        earlier: Some(map),
    };
    continued.tell_signals()?;
    Ok((damaged, continued))
}

/// Begins the copy that goes with a new map file.
pub fn begin(
    output: &Output,
    mapfile: &Path,
    volume: &Volume<Arc<Device>>,
) -> Result<Option<Continued>> {
    let device = volume.source();
    let (Output::File { path, .. }, Some(damaged)) = (output, device.damaged()) else {
        return Ok(None);
    };
    let place = Place::of(output, device.metadata())?;
    if place == Place::ExistingFile {
        return Err(Error::refused(
            path,
            format!("exists already, and there is no {}", mapfile.display()),
            "name the map file that belongs to it; to begin anew, name another output: this one \
             may hold what an earlier run saved",
        ));
    }
    let needed = least_device_size(volume.geometry(), volume.tail_size());
    let checkpoint = Checkpoint::new(Arc::clone(damaged), mapfile)?;
    let remove_map = |_: &Error| {
        let _ = fs::remove_file(mapfile);
    };
    signals::with_parts(|parts| parts.push(mapfile.to_owned()));
    // A run that is killed leaves no output without a map: the same command goes on.
    checkpoint.claim_nothing().inspect_err(remove_map)?;
    let target = signals::with_parts(|parts| {
        let target = Target::open_to_continue(path, place, needed)?;
        if place == Place::NewFile {
            parts.push(path.clone());
        }
        Ok(target)
    });
    let target = target.inspect_err(remove_map)?;
    let begun = (|| {
        keep_in(&target, volume)?;
        if place == Place::NewFile {
            // The map never speaks of an output that a crash took away.
            device::sync_directory(directory_of(path))
                .map_err(|error| Error::io("sync the folder of", path, error))?;
        }
        checkpoint.save()
    })();
    begun.inspect_err(|error| {
        if place == Place::NewFile {
            // Nothing but what was read just now is in it.
            let _ = fs::remove_file(path);
        }
        remove_map(error);
    })?;
    let mut continued = Continued {
        target,
        checkpoint: Some(Arc::new(checkpoint)),
        has_mapfile: true,
        earlier: None,
    };
    continued.tell_signals()?;
    Ok(Some(continued))
}

impl Continued {
    /// A copy to `target`, for which no map file was asked. What is saved of a
    /// dying disk is not thrown away even so: if the target is a file, there is
    /// a map until it is complete.
    pub fn without_mapfile(target: Target, volume: &Volume<Arc<Device>>) -> Result<Self> {
        keep_in(&target, volume)?;
        let checkpoint = match (target.part(), volume.source().damaged()) {
            (Some(part), Some(damaged)) => {
                let mut path = part.as_os_str().to_owned();
                path.push(".map");
                signals::with_parts(|parts| parts.push(PathBuf::from(&path)));
                let checkpoint = Checkpoint::new(Arc::clone(damaged), path.as_ref())?;
                // That it can be written is better known now.
                checkpoint.save().inspect_err(|_| {
                    let _ = fs::remove_file(&path);
                })?;
                Some(Arc::new(checkpoint))
            }
            _ => None,
        };
        let mut continued = Self {
            target,
            checkpoint,
            has_mapfile: false,
            earlier: None,
        };
        continued.tell_signals()?;
        Ok(continued)
    }

    /// Bytes of `all` that earlier runs saved; `None` if this is the first run.
    pub fn bytes_before(&self, all: &[Range<u64>]) -> Option<u64> {
        let earlier = self.earlier.as_ref()?;
        let saved = all
            .iter()
            .flat_map(|range| earlier.within(range.clone(), Status::Finished));
        Some(saved.map(|range| range.end - range.start).sum())
    }

    /// Finishes the target of a rescue that ended so; what was saved is noted,
    /// however that was.
    pub fn end<T>(mut self, rescued: Result<T>) -> Result<T> {
        let Some(checkpoint) = self.checkpoint.clone() else {
            let finished = rescued.and_then(|value| self.target.finish().map(|()| value));
            return finished.map_err(|error| self.target.explain(error));
        };
        let place = self.place(&checkpoint);
        let noted = match &rescued {
            // It failed because of that.
            Err(_) if checkpoint.has_failed() => Ok(()),
            _ => checkpoint.save(),
        };
        let error = match (rescued, noted) {
            (Ok(value), Ok(())) => match self.target.finish() {
                Err(error) if !self.target.is_finished() => error,
                // Complete; an error says which name it has.
                finished => {
                    if !self.has_mapfile {
                        // It speaks of a name that is gone.
                        let _ = fs::remove_file(checkpoint.path());
                    }
                    return finished.map(|()| value);
                }
            },
            (Ok(_), Err(error)) | (Err(error), Ok(())) => error,
            (Err(error), Err(not_noted)) => {
                report::warning(report::with_causes(&not_noted));
                error
            }
        };
        self.target.leave();
        Err(stopped(&checkpoint, &place, error))
    }

    /// What an interruption does.
    fn tell_signals(&mut self) -> Result<()> {
        let Some(checkpoint) = self.checkpoint.clone() else {
            return Ok(());
        };
        let place = self.place(&checkpoint);
        let map = checkpoint.path().to_owned();
        let save = move || match checkpoint.save() {
            Ok(()) => Ok(saved(&checkpoint, &place)),
            Err(error) => Err(stopped(&checkpoint, &place, error)),
        };
        signals::begin(|| {
            self.target.keep_if_interrupted(&map);
            Ok(((), Unfinished::Continued(Box::new(save))))
        })
    }

    fn place(&self, checkpoint: &Checkpoint) -> SavedPlace {
        let map = checkpoint.path().display();
        let name = self.target.part().unwrap_or(self.target.name()).display();
        SavedPlace {
            files: format!("in {name} and noted in {map}"),
            next: match self.target.part() {
                None => "the same command goes on".to_owned(),
                Some(_) => format!("go on with --rescue --mapfile {map} -o {name}"),
            },
        }
    }
}

/// Where a rescue is that is not complete, and what goes on with it.
struct SavedPlace {
    files: String,
    next: String,
}

/// What is saved of a rescue that ends before all was tried, and how to go on.
fn saved(checkpoint: &Checkpoint, place: &SavedPlace) -> String {
    let bytes = report::size(checkpoint.noted_bytes());
    let rest = if checkpoint.has_failed() {
        " (what was read since is not, and will be read again)"
    } else {
        ""
    };
    let SavedPlace { files, next } = place;
    format!("{bytes} are saved {files}{rest}; {next}")
}

fn stopped(checkpoint: &Checkpoint, place: &SavedPlace, error: Error) -> Error {
    Error::RescueStopped {
        saved: saved(checkpoint, place),
        source: Box::new(error),
    }
}

fn keep_in(target: &Target, volume: &Volume<Arc<Device>>) -> Result<()> {
    let Some(damaged) = volume.source().damaged() else {
        return Ok(());
    };
    let len = copy_len(volume);
    let kept = damaged.keep_in(kept_in(target, Some(len))?);
    kept.map_err(|error| Error::io("rescue", volume.source().path(), error))
}

/// The target as what keeps all that is read, if it is a file up to `len`
/// bytes.
fn kept_in(target: &Target, len: Option<u64>) -> Result<Kept> {
    let file = target.handle()?;
    let limit = target.device_size().or(len);
    Ok(Kept::output(file, target.name(), limit))
}

/// Bytes of a file with a copy of `volume`: all clusters and the tail. Devices
/// may be longer.
pub fn copy_len(volume: &Volume<Arc<Device>>) -> u64 {
    let geometry = volume.geometry();
    geometry.bytes(geometry.nr_clusters()) + volume.tail_size()
}

/// Opens the output of an earlier run.
fn open_begun(output: &Output, mapfile: &Path, map: &AreaMap, device: &Device) -> Result<Target> {
    let place = Place::of(output, device.metadata())?;
    let path = output.name();
    // A run that was killed before it created the output leaves a map that claims nothing.
    let is_claimed = !map.within(0..map.size(), Status::Finished).is_empty();
    if place == Place::NewFile && is_claimed {
        return Err(Error::refused(
            &path,
            format!(
                "is not there, but {} says what was saved to it",
                mapfile.display()
            ),
            "name the output that belongs to the map file; to begin anew, name a map file that \
             does not exist yet",
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
