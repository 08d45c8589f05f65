//! A volume as a restore would write it, opened for other programs: by `serve`, and by `mount --raw`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::ntfs::Volume;

use super::open_volume::{Accepted, judge_use};
use crate::error::{Error, Result};
use crate::input;
use crate::options::{Input, Progress};
use crate::overlay::{Identity, Overlay};
use crate::report::{self, Reports};
use crate::source::{Content, Device, RestoredVolume};

/// A volume, and the overlay that takes what is written.
pub struct ServedVolume {
    restored: Arc<RestoredVolume>,
    overlay: Option<(Arc<Overlay>, PathBuf)>,
}

impl ServedVolume {
    /// Opens a volume. `force` accepts one that is mounted read-write, or may be.
    pub fn open(
        source: &Input,
        overlay: Option<&Path>,
        force: bool,
        progress: Progress,
    ) -> Result<Self> {
        let opened = input::open_to_look(source)?;
        let device = Device::of(opened, progress, Reports::TO_STDERR)?;
        let path = device.path().to_owned();
        judge_use(&path, device.metadata(), Accepted::to_serve(force))?;

        let volume = match Volume::open_to_look(Arc::clone(device.source())) {
            Ok((volume, damage)) => {
                for damage in &damage {
                    let damage = report::with_causes(damage);
                    report::warning(format_args!("{}: {damage}", path.display()));
                }
                Some(volume)
            }
            Err(error) => {
                let error = report::with_causes(&error);
                report::warning(format!(
                    "{}: the volume cannot be opened, and is served as it is: {error}",
                    path.display()
                ));
                None
            }
        };
        let restored = RestoredVolume::new(device, volume.as_ref());
        let restored = Arc::new(restored.map_err(|error| Error::read(&path, error))?);
        warn_of_missing(&restored);
        let overlay = match overlay {
            None => None,
            Some(path) => {
                let identity = Identity::of(restored.device().source(), volume.as_ref());
                let base = Arc::clone(&restored) as Arc<dyn Content>;
                let overlay = Overlay::open(path, base, &identity)?;
                Some((Arc::new(overlay), path.to_owned()))
            }
        };
        Ok(Self { restored, overlay })
    }

    pub fn device(&self) -> &Device {
        self.restored.device()
    }

    /// The volume, with what was written to the overlay.
    pub fn content(&self) -> Arc<dyn Content> {
        match &self.overlay {
            Some((overlay, _)) => Arc::clone(overlay) as Arc<dyn Content>,
            None => Arc::clone(&self.restored) as Arc<dyn Content>,
        }
    }

    pub fn overlay(&self) -> Option<&Arc<Overlay>> {
        self.overlay.as_ref().map(|(overlay, _)| overlay)
    }

    /// Whether it can be written to, in words.
    pub fn access(&self) -> String {
        match &self.overlay {
            Some((overlay, path)) => format!(
                "writable, with {} of changes in {}",
                report::size(overlay.written_bytes()),
                path.display()
            ),
            None => "read-only".to_owned(),
        }
    }

    /// What a signal does to the overlay before the program ends. Returns what there is to be said.
    pub fn saver(&self) -> Box<dyn Fn() -> Result<String> + Send> {
        match self.overlay.clone() {
            None => Box::new(|| Ok("nothing was being written".to_owned())),
            Some((overlay, path)) => Box::new(move || {
                let flushed = overlay.flush();
                flushed.map_err(|error| Error::io("sync", &path, error))?;
                Ok(format!("all changes are in {}", path.display()))
            }),
        }
    }

    /// Flushes the overlay, and checks that the source has not changed.
    pub fn finish(&self) -> Result<()> {
        if let Some((overlay, path)) = &self.overlay {
            let flushed = overlay.flush();
            flushed.map_err(|error| Error::io("sync", path, error))?;
        }
        self.device().check_unchanged()
    }
}

fn warn_of_missing(restored: &RestoredVolume) {
    let bytes = restored.missing_bytes();
    if bytes > 0 {
        report::warning(format!(
            "{}: {} ({}) in use on the volume are not in the image; to read them is an error",
            restored.device().path().display(),
            report::count(bytes, "byte", "bytes"),
            report::size(bytes)
        ));
    }
}
