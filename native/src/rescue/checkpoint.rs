//! The map file on the disk, never ahead of what is saved: what it says is
//! synced before, in one opening of the output, and it is replaced as a whole.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::area_map::{AreaMap, Status};
use super::damaged_source::DamagedSource;
use super::mapfile::{Mapfile, RunStatus};
use super::reserve::Reserve;
use crate::device::Mode;
use crate::error::{Error, Result};
use crate::sink::{AtomicFile, Replacing, directory_of};

/// The least time between two; it is all that a crash can cost.
const INTERVAL: Duration = Duration::from_secs(10);

/// Of the time that passes, at most one part in so many goes to it.
const SHARE: u32 = 10;

/// Saves the map of a rescue, now and then and in the end.
pub struct Checkpoint {
    source: Arc<DamagedSource>,
    path: PathBuf,
    progress: Mutex<Progress>,
}

struct Progress {
    state: RunStatus,
    position: u64,
    /// When it is to be saved again.
    due: Instant,
    /// Space for the next map.
    reserve: Reserve,
    /// Bytes that the map on the disk says are saved.
    noted: u64,
    /// It could not be saved, and is not any more.
    has_failed: bool,
}

impl Checkpoint {
    /// Keeps space for the map `path`, which has what `source` knows by now, or
    /// is not there yet.
    pub fn new(source: Arc<DamagedSource>, path: &Path) -> Result<Self> {
        let reserve = Reserve::new(directory_of(path).to_owned())
            .map_err(|error| Error::io("keep space for the map file", path, error))?;
        let noted = finished_bytes(&source.map());
        Ok(Self {
            source,
            path: path.to_owned(),
            progress: Mutex::new(Progress {
                state: RunStatus::Copying,
                position: 0,
                due: Instant::now() + INTERVAL,
                reserve,
                noted,
                has_failed: false,
            }),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes where the rescue is, and saves the map if it is time.
    pub fn pass_by(&self, state: RunStatus, position: u64) -> Result<()> {
        let is_due = {
            let mut progress = self.lock();
            progress.state = state;
            progress.position = position;
            Instant::now() >= progress.due
        };
        if !is_due {
            return Ok(());
        }
        self.save()?;
        if state == RunStatus::Finished {
            return Ok(());
        }
        self.keep_space()
    }

    /// Saves a map by which nothing is saved yet.
    pub fn claim_nothing(&self) -> Result<()> {
        let mapfile = Mapfile {
            map: AreaMap::new(self.source.map().size()),
            position: 0,
            state: RunStatus::Copying,
        };
        write_atomically(&self.path, &mapfile)
            .map_err(|error| Error::io("write", &self.path, error))
    }

    /// Makes permanent what was saved, then the map of it.
    ///
    /// # Errors
    ///
    /// The map on the disk stays the one before, for ever: the kernel reports a
    /// write that it lost to one sync, and the next would succeed. What was
    /// written since the last good one is not known to be on the disk.
    pub fn save(&self) -> Result<()> {
        // Held to the end: of two maps the later one stays.
        let mut progress = self.lock();
        if progress.has_failed {
            let before = io::Error::other("that failed before");
            return Err(Error::io("save the rescue of", &self.path, before));
        }
        let started = Instant::now();
        progress.has_failed = true;
        let map = self.source.sync();
        let map = map.map_err(|error| Error::io("save the rescue of", &self.path, error))?;
        let noted = finished_bytes(&map);
        let mapfile = Mapfile {
            map,
            position: progress.position,
            state: progress.state,
        };
        progress
            .reserve
            .write(|| write_atomically(&self.path, &mapfile))
            .map_err(|error| Error::io("write", &self.path, error))?;
        progress.noted = noted;
        progress.has_failed = false;
        progress.due = Instant::now() + INTERVAL.max(started.elapsed() * SHARE);
        Ok(())
    }

    /// Bytes that the map on the disk says are saved.
    pub fn noted_bytes(&self) -> u64 {
        self.lock().noted
    }

    /// True if it could not be saved, and is not any more.
    pub fn has_failed(&self) -> bool {
        self.lock().has_failed
    }

    /// Keeps space for a map that is larger than the last one, so that the next
    /// is written whatever becomes of the disk.
    fn keep_space(&self) -> Result<()> {
        let failed = |error| Error::io("keep space for the map file", &self.path, error);
        let len = std::fs::metadata(&self.path).map_err(failed)?.len();
        self.lock().reserve.ensure(len * 2).map_err(failed)
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finished_bytes(map: &AreaMap) -> u64 {
    let finished = map.within(0..map.size(), Status::Finished);
    finished.iter().map(|range| range.end - range.start).sum()
}

fn write_atomically(path: &Path, mapfile: &Mapfile) -> io::Result<()> {
    // What a link names is replaced, not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let file = AtomicFile::create(&path, Replacing::Existing, Mode::BY_UMASK)?;
    let mut out = BufWriter::new(file.file());
    mapfile.write(&mut out)?;
    out.flush()?;
    drop(out);
    file.finish()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::super::kept::Kept;
    use super::super::simulated;
    use super::*;

    /// The first sync fails, those after it would not.
    #[test]
    fn after_a_failed_sync_the_last_map_stays() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("map");
        let (medium, _) = simulated::medium(64, []);
        // /dev/null takes writes, and cannot be synced.
        let null = File::options().read(true).write(true).open("/dev/null");
        let lost = Kept::output(null.expect("it is there"), "lost".as_ref(), None);
        let source = Arc::new(DamagedSource::new(medium, 0, None));
        let checkpoint = Checkpoint::new(Arc::clone(&source), &path).expect("there is room");
        checkpoint.save().expect("nothing is kept yet");
        let last_good = fs::read(&path).expect("it was saved");

        source.keep_in(lost).expect("nothing was read yet");
        checkpoint.save().expect_err("it cannot be synced");
        let kept = Kept::temporary(None).expect("there is room");
        source.keep_in(kept).expect("nothing was read yet");
        source.sync().expect("it can be synced");
        checkpoint.save().expect_err("it failed before");
        assert!(checkpoint.has_failed());
        assert_eq!(checkpoint.noted_bytes(), 0);
        assert_eq!(fs::read(&path).expect("it stays"), last_good);
    }
}
