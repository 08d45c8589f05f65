//! The map file on the disk, never ahead of what is saved.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::area_map::Status;
use super::damaged_source::DamagedSource;
use super::mapfile::{Mapfile, State};
use crate::error::{Error, Result};
use crate::sink::{AtomicFile, MODE_BY_UMASK, Replacing};

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
    state: State,
    position: u64,
    /// When it is to be saved again.
    due: Instant,
}

impl Checkpoint {
    pub fn new(source: Arc<DamagedSource>, path: &Path) -> Self {
        Self {
            source,
            path: path.to_owned(),
            progress: Mutex::new(Progress {
                state: State::Copying,
                position: 0,
                due: Instant::now() + INTERVAL,
            }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes where the rescue is, and saves the map if it is time.
    pub fn pass_by(&self, state: State, position: u64) -> Result<()> {
        let is_due = {
            let mut progress = self.lock();
            progress.state = state;
            progress.position = position;
            Instant::now() >= progress.due
        };
        match is_due {
            true => self.save(),
            false => Ok(()),
        }
    }

    /// Makes permanent what was saved, then the map of it.
    pub fn save(&self) -> Result<()> {
        // Held to the end: of two maps the later one stays.
        let mut progress = self.lock();
        let started = Instant::now();
        let map = self.source.sync();
        let map = map.map_err(|error| Error::io("save the rescue of", &self.path, error))?;
        let mapfile = Mapfile {
            map,
            position: progress.position,
            state: progress.state,
        };
        write_atomically(&self.path, &mapfile)
            .map_err(|error| Error::io("write", &self.path, error))?;
        progress.due = Instant::now() + INTERVAL.max(started.elapsed() * SHARE);
        Ok(())
    }

    /// Bytes saved so far, in all.
    pub fn saved_bytes(&self) -> u64 {
        let map = self.source.map();
        let finished = map.within(0..map.size(), Status::Finished);
        finished.iter().map(|range| range.end - range.start).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_atomically(path: &Path, mapfile: &Mapfile) -> io::Result<()> {
    // What a link names is replaced, not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let file = AtomicFile::create(&path, Replacing::Existing, MODE_BY_UMASK)?;
    let mut out = BufWriter::new(file.file());
    mapfile.write(&mut out)?;
    out.flush()?;
    drop(out);
    file.finish()
}
