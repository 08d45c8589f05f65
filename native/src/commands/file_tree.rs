//! The tree of files of what is named, for the commands that look into it.

use std::sync::Arc;

use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::open::explain_volume;
use ntfsclone_core::tree::{By, Located, Lookup, Tree};

use crate::error::{Error, Result};
use crate::input;
use crate::options::{Input, Progress};
use crate::report::{self, Reports};
use crate::source::Device;

/// An image, volume or device, and the tree of files in it.
pub struct FileTree {
    pub device: Arc<Device>,
    pub tree: Tree<Arc<Device>>,
}

impl FileTree {
    pub fn open(source: &Input, by: By) -> Result<Self> {
        Self::open_with(source, by, Progress::None)
    }

    /// Like [`FileTree::open`], with progress where it must be decompressed.
    pub fn open_with(source: &Input, by: By, progress: Progress) -> Result<Self> {
        let opened = input::open_to_look(source)?;
        let device = Arc::new(Device::of(opened, progress, Reports::TO_STDERR)?);
        let read = |error| Error::read(device.path(), error);
        let opened = Volume::open(Arc::clone(&device));
        let volume = opened
            .or_else(|error| salvage(&device, error))
            .map_err(|error| read(explain_volume(&device, error)))?;
        let tree = Tree::new(volume, by).map_err(read)?;
        Ok(Self { device, tree })
    }

    /// The same volume, opened once more, for other threads than the one that goes through the tree.
    pub fn reopen_volume(&self) -> Result<Volume<Arc<Device>>> {
        let opened = Volume::open(Arc::clone(&self.device));
        let volume = opened.or_else(|error| match Volume::salvage(Arc::clone(&self.device)) {
            Ok((volume, _)) => Ok(volume),
            Err(_) => Err(error),
        });
        volume.map_err(|error| Error::read(self.device.path(), error))
    }

    /// The file of that path.
    ///
    /// # Errors
    ///
    /// There is none; a directory on the way cannot be read.
    pub fn find(&mut self, path: &str) -> Result<Located> {
        match self.lookup(path)? {
            Lookup::Found(located) => Ok(located),
            Lookup::Missing { parent, name } => Err(self.missing(&parent, &name)),
        }
    }

    pub fn lookup(&mut self, path: &str) -> Result<Lookup> {
        let found = self.tree.find(path);
        found.map_err(|error| Error::read(self.device.path(), error))
    }

    /// The error for a name that is not in a directory.
    pub fn missing(&mut self, parent: &Located, name: &str) -> Error {
        let entries = self.tree.directory(parent.entry.reference);
        let names = entries.map_or_else(|_| Vec::new(), |directory| directory.entries);
        let wanted = name.to_lowercase();
        let similar = names
            .iter()
            .map(|entry| entry.name.to_string())
            .map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &wanted), name))
            .filter(|(likeness, _)| *likeness > 0.85)
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
        let remedy = match similar {
            Some((_, name)) => format!("did you mean {name}?"),
            None => "ntfsclone ls lists what there is".to_owned(),
        };
        let found = format!("there is no {name} in {}", parent.path);
        Error::refused(self.device.path(), found, remedy)
    }
}

/// Opens a volume whose first records are damaged, by their copies; `error` if there are none.
fn salvage(
    device: &Arc<Device>,
    error: ntfsclone_core::Error,
) -> Result<Volume<Arc<Device>>, ntfsclone_core::Error> {
    let Ok((volume, damage)) = Volume::salvage(Arc::clone(device)) else {
        return Err(error);
    };
    if volume.mft().record_count() == 0 {
        return Err(error);
    }
    for damage in &damage {
        report::warning(report::with_causes(damage));
    }
    Ok(volume)
}
