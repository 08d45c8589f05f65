//! Scans `$MFT` on several threads, with the result of a scan on one.
//!
//! Each thread takes the next part of `$MFT` that is free. What it finds goes
//! into the queue of that part, and the queues are emptied in the order of the
//! parts, so that findings and errors come in the order of the records.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use ntfsclone_core::check::FilesCheck;
use ntfsclone_core::clusters::metadata::{LogFile, Metadata, select_metadata};
use ntfsclone_core::clusters::{Part, Selection, Walk, parts, select_used};
use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::relocate::{Changes, RelocateError, Relocated};

use crate::device;
use crate::error::{Error, Result};
use crate::source::Device;

/// More threads than that only wait for the device, and each may hold the
/// extension records of a file, up to 32 MiB of them on a damaged volume.
const MAX_THREADS: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Bytes that a thread takes on a sound volume: a part of `$MFT`, and what waits to
/// be taken of its parts.
const BYTES_OF_A_THREAD: u64 = 3 << 20;

/// Of the memory that may be used, a scan takes one part in so many.
const SHARE: u64 = 4;

/// Items of one part that may wait to be taken. A part may have any number of
/// them on a damaged volume.
const WAITING_ITEMS: usize = 4;

/// Threads for a scan of `volume`: `wanted`, or as many as there are processors.
pub fn threads(volume: &Volume<Arc<Device>>, wanted: Option<NonZeroUsize>) -> NonZeroUsize {
    // A dying disk is read in order.
    match volume.source().damaged() {
        Some(_) => NonZeroUsize::MIN,
        None => threads_of_sound(volume, wanted),
    }
}

/// As [`threads`], of what has no bad sectors.
pub fn threads_of_sound<R: ReadAt>(
    volume: &Volume<R>,
    wanted: Option<NonZeroUsize>,
) -> NonZeroUsize {
    // One part is looked at by one.
    if parts(volume).nth(1).is_none() {
        return NonZeroUsize::MIN;
    }
    let available = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let of_memory = usize::try_from(device::usable_memory() / SHARE / BYTES_OF_A_THREAD);
    let of_memory = of_memory.ok().and_then(NonZeroUsize::new);
    wanted
        .unwrap_or_else(available)
        .min(MAX_THREADS)
        .min(of_memory.unwrap_or(NonZeroUsize::MIN))
}

/// As [`select_used`], on `threads` threads. `name` is that of the volume, for
/// errors.
pub fn select_used_on<R: ReadAt + Sync>(
    volume: &Volume<R>,
    name: &Path,
    threads: NonZeroUsize,
    mut progress: impl FnMut(u64),
) -> Result<Selection> {
    let failed = |error| Error::read(name, error);
    if threads.get() == 1 {
        return select_used(volume, progress).map_err(failed);
    }
    let mut selection = Selection::new(volume).map_err(failed)?;
    let walked = in_order(
        volume,
        name,
        threads,
        || Walk::new(volume),
        |walk, part, send| walk.claims(part, send),
        |claims| selection.add(claims),
        &mut progress,
    )?;
    match walked {
        Walked::ByThreads => Ok(selection),
        Walked::NotAtAll => select_used(volume, progress).map_err(failed),
    }
}

/// Like [`select_used_on`], with a check of the files beside it, since both read all of `$MFT`. The
/// check may not have begun, or may have ended early at an error: whoever continues it meets
/// that again.
pub fn select_used_and_check<R: ReadAt + Sync>(
    volume: &Volume<R>,
    name: &Path,
    threads: NonZeroUsize,
    progress: impl FnMut(u64),
) -> (Result<Selection>, FilesCheck) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("checks".to_owned());
        let files = match threads.get() {
            1 => None,
            _ => thread.spawn_scoped(scope, || check_files(volume)).ok(),
        };
        let selected = select_used_on(volume, name, threads, progress);
        let files = files.and_then(|files| files.join().ok());
        (selected, files.unwrap_or_default())
    })
}

fn check_files<R: ReadAt>(volume: &Volume<R>) -> FilesCheck {
    let mut files = FilesCheck::default();
    while let Ok(true) = files.step(volume) {}
    files
}

/// As [`select_metadata`], on `threads` threads.
pub fn select_metadata_on<R: ReadAt + Sync>(
    volume: &Volume<R>,
    name: &Path,
    log_file: LogFile,
    threads: NonZeroUsize,
    mut progress: impl FnMut(u64),
) -> Result<Metadata> {
    let failed = |error| Error::read(name, error);
    if threads.get() == 1 {
        return select_metadata(volume, log_file, progress).map_err(failed);
    }
    let mut metadata = Metadata::default();
    let walked = in_order(
        volume,
        name,
        threads,
        || Walk::new(volume),
        |walk, part, send| {
            send(walk.metadata(part, log_file)?);
            Ok(())
        },
        |next| metadata.append(next),
        &mut progress,
    )?;
    match walked {
        Walked::ByThreads => Ok(metadata),
        Walked::NotAtAll => select_metadata(volume, log_file, progress).map_err(failed),
    }
}

/// As [`Relocated::check`], on `threads` threads.
pub fn check_relocated<R: ReadAt + Sync>(
    relocated: &Relocated<R>,
    name: &Path,
    threads: NonZeroUsize,
) -> Result<Result<Changes, RelocateError>> {
    if threads.get() == 1 {
        return Ok(relocated.check());
    }
    let mut checked = Ok(0);
    let walked = in_order(
        relocated.volume(),
        name,
        threads,
        Vec::new,
        |buffer, part, send| {
            send(relocated.check_part(part, buffer));
            Ok(())
        },
        |part: Result<u64, RelocateError>| {
            if let Ok(sum) = &mut checked {
                match part {
                    Ok(records) => *sum += records,
                    Err(error) => checked = Err(error),
                }
            }
        },
        |_| {},
    )?;
    Ok(match walked {
        Walked::ByThreads => checked.map(|records| relocated.changes(records)),
        Walked::NotAtAll => relocated.check(),
    })
}

/// What became of a walk.
enum Walked {
    ByThreads,
    /// There can be no thread.
    NotAtAll,
}

type Found<T> = Result<T, CoreError>;

/// Parts that nobody looks at yet, and where to leave the queue of what will
/// be found in each: under one lock, so that the queues come in the order of
/// the parts.
struct Ahead<T, P> {
    parts: P,
    queues: SyncSender<(Part, Receiver<Found<T>>)>,
}

/// Calls `look` for every part, on several threads, and `take` with all that
/// it sends, in the order of the parts. Each thread has what `begin` makes.
/// `progress` is called with the number of records walked over.
///
/// # Errors
///
/// The first one in the order of the parts.
fn in_order<T: Send, W, R: ReadAt + Sync>(
    volume: &Volume<R>,
    name: &Path,
    threads: NonZeroUsize,
    begin: impl Fn() -> W + Sync,
    look: impl Fn(&mut W, &Part, &mut dyn FnMut(T)) -> Found<()> + Sync,
    mut take: impl FnMut(T),
    mut progress: impl FnMut(u64),
) -> Result<Walked> {
    // Beyond the part that is taken, each thread may be two ahead.
    let (queues, waiting) = sync_channel(threads.get());
    let parts = parts(volume);
    let ahead = Arc::new(Mutex::new(Ahead { parts, queues }));
    let (begin, look) = (&begin, &look);
    thread::scope(move |scope| {
        let mut handles = Vec::new();
        for _ in 0..threads.get() {
            let ahead = Arc::clone(&ahead);
            let thread = thread::Builder::new().name("scans".to_owned());
            let look_at_parts = move || look_at_parts(begin(), &ahead, look);
            match thread.spawn_scoped(scope, look_at_parts) {
                Ok(handle) => handles.push(handle),
                // Fewer do as well.
                Err(_) => break,
            }
        }
        if handles.is_empty() {
            return Ok(Walked::NotAtAll);
        }
        // The threads alone have it: there are no more queues when they end.
        drop(ahead);
        for (part, queue) in waiting {
            for item in queue {
                take(item.map_err(|error| Error::read(name, error))?);
            }
            progress(part.end().0);
        }
        // All of them: a panic of one that is not joined goes on as one of ours.
        let panics = handles.into_iter().filter_map(|handle| handle.join().err());
        match panics.count() {
            0 => Ok(Walked::ByThreads),
            _ => Err(Error::Thread("scans")),
        }
    })
}

/// Looks at parts until there are no more, or nobody waits for them.
fn look_at_parts<T, W, P: Iterator<Item = Part>>(
    mut walk: W,
    ahead: &Mutex<Ahead<T, P>>,
    look: &impl Fn(&mut W, &Part, &mut dyn FnMut(T)) -> Found<()>,
) {
    loop {
        let (queue, receiver) = sync_channel(WAITING_ITEMS);
        let part = {
            let Ok(mut ahead) = ahead.lock() else { return };
            let Some(part) = ahead.parts.next() else {
                return;
            };
            if ahead.queues.send((part.clone(), receiver)).is_err() {
                return;
            }
            part
        };
        // Sending fails if a part before this one could not be read.
        let looked = look(&mut walk, &part, &mut |item| {
            let _ = queue.send(Ok(item));
        });
        if let Err(error) = looked {
            let _ = queue.send(Err(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::options;
    use crate::report::Reports;

    use std::io::Write;
    use std::sync::LazyLock;

    use ntfs_volume_builder::{FileData, Run, Volume as Built, VolumeBuilder};
    use ntfsclone_core::units::RecordNumber;
    use proptest::prelude::*;
    use tempfile::NamedTempFile;

    use super::*;

    const NAME: &str = "a volume";

    /// A volume of several parts, in which some clusters are claimed twice.
    static BUILT: LazyLock<Built> = LazyLock::new(|| {
        let files = (0..300).fold(VolumeBuilder::new(), |builder, n| {
            let content = FileData::Runs(vec![Run::at(11_000 + 3 * n, 4)]);
            builder.file(&format!("directory {}/file {n}", n % 7), content)
        });
        files.clusters(12_000).mft_record_size(65_536).build()
    });

    fn on_disk(built: &Built) -> (NamedTempFile, Volume<Arc<Device>>) {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&built.bytes).unwrap();
        let device =
            Device::open(file.path(), None, options::Progress::None, Reports::NONE).unwrap();
        let volume = Volume::open(Arc::new(device)).unwrap();
        assert!(parts(&volume).count() > 4);
        (file, volume)
    }

    fn found(volume: &Volume<Arc<Device>>, threads: usize) -> String {
        let threads = NonZeroUsize::new(threads).unwrap();
        let mut walked = Vec::new();
        let selection = select_used_on(volume, NAME.as_ref(), threads, |records| {
            walked.push(records)
        })
        .unwrap();
        let metadata =
            select_metadata_on(volume, NAME.as_ref(), LogFile::Start, threads, |_| {}).unwrap();
        format!("{selection:?} {metadata:?} {walked:?}")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn threads_find_the_same(
            changes in prop::collection::vec((24_u64..330, 8_usize..440, any::<u8>()), 0..40),
        ) {
            let mut built = BUILT.clone();
            for (record, at, byte) in changes {
                built.patch_record(record, |record| record[at] = byte);
            }
            let (_file, volume) = on_disk(&built);
            let one = found(&volume, 1);
            prop_assert!(one.contains("claimed already"));
            for threads in [2, 3, 8] {
                prop_assert_eq!(&found(&volume, threads), &one);
            }
        }
    }

    /// The device ends before `$MFT` does.
    #[test]
    fn an_error_ends_all_threads() {
        let (file, volume) = on_disk(&BUILT);
        let last = volume.mft().record_offset(RecordNumber(200)).unwrap();
        file.as_file().set_len(last).unwrap();
        let [one, several] = [1, 4].map(|threads| {
            let threads = NonZeroUsize::new(threads).unwrap();
            let error = select_used_on(&volume, NAME.as_ref(), threads, |_| {}).unwrap_err();
            format!("{error:?}")
        });
        assert_eq!(one, several);
    }
}
