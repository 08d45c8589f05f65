//! Compares a file with the checksums beside it, on a thread of its own, while
//! it is read for something else.

use std::fmt;
use std::io::{self, Read};
use std::mem;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Files, FilesReader, Recognised, read_error};
use crate::error::{Error, Result};
use crate::source::Sidecar;

/// Pieces on their way to the thread. They are as large as reads are: 4 MiB at
/// the most.
const PIECES: usize = 4;

/// Bytes that are read at once where nothing else reads the file in order.
const READ_BYTES: usize = 1 << 20;

/// The checksums beside a file that is being read.
pub struct FileSums {
    files: Arc<Files>,
    state: Mutex<State>,
}

enum State {
    Waiting(Vec<Sidecar>),
    /// What reads the file in order passes on what it read.
    Tapped(Tap),
    /// A thread reads the file by itself.
    Reading(JoinHandle<io::Result<Vec<Sidecar>>>),
    Finished,
}

struct Tap {
    pieces: SyncSender<Vec<u8>>,
    /// Memory of pieces to use again.
    used: Receiver<Vec<u8>>,
    /// Bytes of the file that were passed on.
    taken: u64,
    thread: JoinHandle<Vec<Sidecar>>,
}

impl FileSums {
    /// `None` if no checksum is beside `files`.
    ///
    /// # Errors
    ///
    /// As [`Sidecar::beside`].
    pub fn beside(files: &Arc<Files>) -> Result<Option<Arc<Self>>> {
        let sidecars = Sidecar::beside(files)?;
        Ok((!sidecars.is_empty()).then(|| {
            Arc::new(Self {
                files: Arc::clone(files),
                state: Mutex::new(State::Waiting(sidecars)),
            })
        }))
    }

    /// Starts to read the file from its start to its end: for files that are
    /// otherwise read here and there. What both read comes from the disk once,
    /// if the kernel still has it.
    pub fn read_meanwhile(&self) -> Result<()> {
        let mut state = self.state();
        let State::Waiting(sidecars) = &mut *state else {
            return Ok(());
        };
        let mut sidecars = mem::take(sidecars);
        let mut reader = FilesReader::new(Arc::clone(&self.files));
        let thread = spawn(move || {
            update_all(&mut sidecars, &mut reader)?;
            Ok(sidecars)
        });
        let thread = thread.map_err(|error| Error::io("start", "a thread".as_ref(), error))?;
        *state = State::Reading(thread);
        Ok(())
    }

    /// Takes the next bytes of the file.
    fn take(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if let State::Waiting(sidecars) = &mut *state {
            *state = State::Tapped(Tap::start(mem::take(sidecars))?);
        }
        if let State::Tapped(tap) = &mut *state {
            tap.take(bytes);
        }
        Ok(())
    }

    /// Compares the file, called `name`; bytes of it that were not read yet are
    /// read now. Does nothing the second time.
    ///
    /// # Errors
    ///
    /// [`Error::Checksum`]; the rest of the file cannot be read.
    pub fn finish(&self, name: &Path) -> Result<()> {
        let ended = |_| Error::Thread("computes checksums");
        let sidecars = match mem::replace(&mut *self.state(), State::Finished) {
            State::Finished => return Ok(()),
            State::Waiting(mut sidecars) => {
                self.take_rest(0, &mut sidecars)
                    .map_err(|error| read_error(name, error))?;
                sidecars
            }
            State::Tapped(tap) => {
                drop(tap.pieces);
                let mut sidecars = tap.thread.join().map_err(ended)?;
                self.take_rest(tap.taken, &mut sidecars)
                    .map_err(|error| read_error(name, error))?;
                sidecars
            }
            State::Reading(thread) => {
                let read = thread.join().map_err(ended)?;
                read.map_err(|error| read_error(name, error))?
            }
        };
        for compared in sidecars.into_iter().map(Sidecar::finish) {
            if !compared.is_equal() {
                return Err(Error::Checksum {
                    path: name.to_owned(),
                    sidecar: compared.path,
                    found: compared.found,
                    expected: compared.expected,
                    is_older: compared.is_older,
                });
            }
        }
        Ok(())
    }

    fn take_rest(&self, taken: u64, sidecars: &mut [Sidecar]) -> io::Result<()> {
        let mut reader = FilesReader::from(Arc::clone(&self.files), taken);
        update_all(sidecars, &mut reader)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FileSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSums").finish_non_exhaustive()
    }
}

impl Tap {
    fn start(mut sidecars: Vec<Sidecar>) -> io::Result<Self> {
        let (pieces, receiver) = sync_channel::<Vec<u8>>(PIECES);
        let (sender, used) = sync_channel(PIECES);
        let thread = spawn(move || {
            for piece in receiver {
                for sidecar in &mut sidecars {
                    sidecar.update(&piece);
                }
                // Nobody may want it any more.
                let _ = sender.try_send(piece);
            }
            sidecars
        })?;
        Ok(Self {
            pieces,
            used,
            taken: 0,
            thread,
        })
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut piece = self.used.try_recv().unwrap_or_default();
        piece.clear();
        piece.extend_from_slice(bytes);
        self.taken += bytes.len() as u64;
        // That the thread has ended is noticed when it is joined.
        let _ = self.pieces.send(piece);
    }
}

fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    let builder = thread::Builder::new().name("computes checksums".to_owned());
    builder.spawn(run)
}

fn update_all(sidecars: &mut [Sidecar], reader: &mut impl Read) -> io::Result<()> {
    let mut piece = vec![0; READ_BYTES];
    loop {
        let read = super::read_up_to(reader, &mut piece)?;
        if read == 0 {
            return Ok(());
        }
        for sidecar in &mut *sidecars {
            sidecar.update(&piece[..read]);
        }
    }
}

/// A reader of a file from its start, all of whose bytes count for its
/// checksums.
struct SummedReader {
    reader: Box<dyn Read + Send>,
    sums: Arc<FileSums>,
}

impl Read for SummedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.reader.read(buf)?;
        if len > 0 {
            self.sums.take(&buf[..len])?;
        }
        Ok(len)
    }
}

/// `reader`, which gives all bytes of the file in order; what it gives is
/// compared with the checksums beside the file.
pub fn tapped(input: &Recognised, reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    match &input.sums {
        Some(sums) => Box::new(SummedReader {
            reader,
            sums: Arc::clone(sums),
        }),
        None => reader,
    }
}
