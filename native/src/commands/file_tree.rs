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
        let opened = Volume::open_to_look(Arc::clone(&device));
        let (volume, damage) = opened.map_err(|error| not_opened(&device, error))?;
        for damage in &damage {
            let damage = report::with_causes(damage);
            report::warning(format_args!("{}: {damage}", device.path().display()));
        }
        let tree = Tree::new(volume, by).map_err(read)?;
        Ok(Self { device, tree })
    }

    /// The same volume, opened once more, for other threads than the one that goes through the tree.
    pub fn reopen_volume(&self) -> Result<Volume<Arc<Device>>> {
        let opened = Volume::open_to_look(Arc::clone(&self.device));
        let (volume, _) = opened.map_err(|error| Error::read(self.device.path(), error))?;
        Ok(volume)
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

/// Why a volume is not opened, and what to do.
fn not_opened(device: &Arc<Device>, error: ntfsclone_core::Error) -> Error {
    let path = device.path();
    match Volume::salvage(Arc::clone(device)) {
        // Record 0 tells where all others are.
        Ok((volume, _)) if volume.mft().record_count() == 0 => {
            let why = report::with_causes(&error);
            let found = format!(
                "no file is known: $MFT cannot be found, nor by its copy in $MFTMirr: {why}"
            );
            let remedy = "save all of it with --rescue; programs such as photorec look for files in the copy";
            Error::refused(path, found, remedy)
        }
        _ => Error::read(path, explain_volume(device, error)),
    }
}
