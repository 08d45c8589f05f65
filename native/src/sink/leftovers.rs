//! Files that earlier runs left beside an output: of runs that were killed, or
//! that could not give a complete file its name.

use std::fs;
use std::path::{Path, PathBuf};

use super::atomic_file::{directory_of, is_part_name};
use crate::device;
use crate::report;

/// Warns of parts of `path` that no run holds, and says how to remove them. They
/// are never removed unasked: one may be all that is left of a dying disk.
pub fn warn(path: &Path) {
    for (part, size) in of(path) {
        let name = part.display();
        let size = report::size(size);
        let mut map = part.clone().into_os_string();
        map.push(".map");
        let map = PathBuf::from(map);
        report::warning(match map.exists() {
            true => format!(
                "{name} ({size}) is what an earlier rescue saved; --rescue --mapfile {} -o {name} \
                 continues it, and \"rm {name} {}\" removes it",
                map.display(),
                map.display(),
            ),
            false => format!(
                "{name} ({size}) is left of an earlier run that was killed, or could not give it \
                 its name; \"rm {name}\" removes it"
            ),
        });
    }
}

/// Parts of `path` that nobody has locked, and their sizes on the disk.
fn of(path: &Path) -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir(directory_of(path));
    let entries = entries.into_iter().flatten().flatten();
    let parts = entries.filter(|entry| is_part_name(path, &entry.file_name()));
    let unlocked = parts.filter_map(|entry| {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let part = entry.path();
        let file = is_file
            .then(|| device::open_to_write(&part).ok())
            .flatten()?;
        let size = file.metadata().ok()?.len();
        device::lock(&file).then_some((part, size))
    });
    let mut unlocked: Vec<_> = unlocked.collect();
    unlocked.sort();
    unlocked
}
