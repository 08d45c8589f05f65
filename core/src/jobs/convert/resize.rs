//! Giving a volume another size before it is converted.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::job::{Co, Job};
use super::super::locate::locate;
use super::super::opened::Opened;
use super::super::used::{Counted, used};
use super::super::{Failure, Refusal, Step};
use crate::clusters::parts;
use crate::error::with_causes;
use crate::io::Source;
use crate::ntfs::Volume;
use crate::open::Inside;
use crate::relocate::{
    Carried, Loss, NewDisk, RelocateError, Relocated, Relocation, ResizeLimits, Resized,
    SystemData, bitmap_runs, has_size, least_size_of, total_size,
};

/// The size that a volume gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewSize {
    /// The least that its files need.
    Least,
    /// So many bytes, its backup boot sector among them.
    Bytes(u64),
}

impl Opened {
    /// Finds what another size of the volume needs, and loses.
    pub fn resize_limits(&self) -> Job<ResizeLimits> {
        let opened = self.clone();
        Job::new(Arc::clone(&self.pages), |co| async move {
            let inside = locate(&co, &opened).await?;
            let losses = co.read(|| Loss::all(&inside.open_volume()?)).await?;
            let counted = used(&co, inside, false).await?;
            Ok(ResizeLimits {
                size: total_size(counted.volume.geometry()),
                least_size: least_size(&co, &counted).await?,
                losses,
            })
        })
    }
}

/// Finds what does not survive another size.
///
/// # Errors
///
/// There is some, unless it `is_forced`.
pub(super) async fn losses(
    co: &Co,
    inside: &Inside,
    is_forced: bool,
) -> Result<Vec<Loss>, Failure> {
    let losses = co.read(|| Loss::all(&inside.open_volume()?)).await?;
    match losses.iter().find_map(words_for) {
        Some((found, remedy)) if !is_forced => {
            let remedy = format!("{remedy}; or convert it without that with force");
            Err(Failure::refused(Refusal::Inconsistent, found, remedy))
        }
        _ => Ok(losses),
    }
}

/// What was found, and what to do about it; `None` for what needs no consent.
fn words_for(loss: &Loss) -> Option<(String, &'static str)> {
    let of_journal = |found| {
        let found = format!("has a journal {found}, and in another size it is emptied");
        (found, "start Windows on it, and shut it down")
    };
    let words = match loss {
        Loss::JournalNotClean => of_journal("with changes that are not yet in place"),
        Loss::JournalUnreadable => of_journal("of which neither restart page can be read"),
        Loss::Hibernated => (
            "has a hibernated Windows, which would resume with the old places of files".into(),
            "start it, and shut it down with shutdown /s /t 0",
        ),
        Loss::ShadowCopies { copies, bytes } => (
            format!(
                "has shadow copies ({copies}, with {bytes} bytes), whose places another size makes \
                 wrong"
            ),
            "delete them in Windows, with vssadmin delete shadows /all",
        ),
        Loss::EncryptedSwap { .. } | Loss::BitLocker { .. } => return None,
    };
    Some(words)
}

/// Gives a volume another size, without `losses`; reports what was changed. Returns a volume that
/// has that size as it is.
pub(super) async fn resize(
    co: &Co,
    counted: Counted,
    size: NewSize,
    losses: Vec<Loss>,
) -> Result<(Counted, Option<Arc<Relocated<Source>>>), Failure> {
    let size = match size {
        NewSize::Bytes(size) => size,
        NewSize::Least => least_size(co, &counted).await?,
    };
    let geometry = *counted.volume.geometry();
    if has_size(&geometry, size) {
        return Ok((counted, None));
    }
    let Counted {
        volume, map, bad, ..
    } = counted;
    // What is made of all clusters is not made again where bytes are missing.
    let bitmap = attempt(co, || bitmap_runs(&volume)).await?;
    let carried = Carried {
        geometry,
        used: map,
        bitmap,
    };
    let disk = NewDisk::like(&geometry);
    let relocation = Relocation::new(carried, &disk, size).map_err(failure)?;
    let system_data = attempt(co, || SystemData::read(&volume, &relocation)).await?;
    let relocated = Arc::new(Relocated::of(volume, relocation, system_data));

    let total = relocated.volume().mft().record_count();
    let mut records = 0_u64;
    let mut buffer = Vec::new();
    for part in parts(relocated.volume()) {
        let changed = attempt(co, || relocated.check_part(&part, &mut buffer)).await?;
        records = records.saturating_add(changed);
        co.progress(part.end().0, total);
    }
    let changes = relocated.changes(records);
    co.emit(Step::Resized(Resized::new(
        &relocated, changes, bad, losses,
    )));

    let source: Source = Arc::<Relocated<Source>>::clone(&relocated);
    let inside = Inside::of_volume(Arc::clone(&source));
    let volume = co.read(|| Volume::open(Arc::clone(&source))).await?;
    let counted = Counted {
        inside,
        volume,
        map: relocated.relocation().clusters(),
        label: counted.label,
        agree: counted.agree,
        bad: 0,
    };
    Ok((counted, Some(relocated)))
}

async fn least_size(co: &Co, counted: &Counted) -> Result<u64, Failure> {
    attempt(co, || least_size_of(&counted.volume, counted.map.len())).await
}

/// Like [`Co::read`].
async fn attempt<T>(co: &Co, work: impl FnMut() -> Result<T, RelocateError>) -> Result<T, Failure> {
    co.attempt(work).await.map_err(failure)
}

fn failure(error: RelocateError) -> Failure {
    let (kind, remedy) = match error {
        RelocateError::Volume(error) => return error.into(),
        RelocateError::TooSmall { .. } => (Refusal::Target, "choose a larger size"),
        RelocateError::TooLarge { .. } => (Refusal::Target, "choose a smaller size"),
        _ => (
            Refusal::Inconsistent,
            "run chkdsk /f on the volume in Windows; or keep its size",
        ),
    };
    let found = format!("cannot get this size: {}", with_causes(&error));
    Failure::refused(kind, found, remedy)
}
