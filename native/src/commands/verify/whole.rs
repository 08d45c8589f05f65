//! All bytes of an input, as they come.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use ntfsclone_core::check::LostFrames;
use ntfsclone_core::io::ReadAt;

use crate::bulk::pipeline::{self, Flow};
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::input::Bytes;
use crate::options::{self, VerifyTask};
use crate::source::WholeReader;

/// Bytes of a cluster do not matter to what is read as it comes.
const GRANULE: u32 = 4096;

/// Calls `take` with all bytes that can be decompressed, and where each piece
/// begins, until it has enough. Frames that cannot are added to `lost`. The inner
/// error is of what is read, the outer one of all else.
pub(super) fn read(
    name: &Path,
    bytes: Bytes,
    task: &VerifyTask,
    how: options::Progress,
    lost: &mut LostFrames,
    mut take: impl FnMut(u64, &[u8]) -> Result<ControlFlow<()>>,
) -> Result<Result<()>> {
    let size = bytes.source().map_or(0, |source| source.size());
    let reader = WholeReader::new(name, bytes, task.direct)?;
    let enough = reader.enough();
    let noted = reader.lost_frames();
    let flow = Flow {
        cluster_size: GRANULE,
        is_direct: reader.is_direct(),
        encoding: None,
    };
    let mut progress = Progress::start(how, Phase::Check, size);
    let mut done = 0;
    let mut taken = Ok(());
    let read = pipeline::start("reads", flow, reader.fill())?.for_each(|batch| {
        for (piece, bytes) in batch.pieces() {
            if enough.load(Ordering::Relaxed) {
                break;
            }
            done += bytes.len() as u64;
            let (mut offset, mut bytes) = (piece.offset, bytes);
            let mut taken_piece = Ok(ControlFlow::Continue(()));
            while let (false, Ok(ControlFlow::Continue(()))) = (bytes.is_empty(), &taken_piece) {
                let noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                let (len, is_lost) = noted.stretch(offset, bytes.len());
                drop(noted);
                let (stretch, rest) = bytes.split_at(len);
                if !is_lost {
                    taken_piece = take(offset, stretch);
                }
                offset += len as u64;
                bytes = rest;
            }
            let go_on = taken_piece.unwrap_or_else(|error| {
                taken = Err(error);
                ControlFlow::Break(())
            });
            enough.store(go_on.is_break(), Ordering::Relaxed);
        }
        progress.advance_to(done);
        Ok(())
    });
    progress.finish();
    *lost = std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner));
    taken.map(|()| read)
}
