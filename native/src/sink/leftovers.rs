//! Files that earlier runs left beside an output: of runs that were killed, or
//! that could not give a complete file its name.

use std::fs;
use std::path::{Path, PathBuf};

use super::atomic_file::{directory_of, is_part_name};
use crate::device;
use crate::report;
use crate::shell::quoted;

/// Warns of parts of `path` that no run holds, and says how to remove them. They
/// are never removed unasked: one may be all that is left of a dying disk.
pub fn warn(path: &Path) {
    for (part, size) in of(path) {
        let mut map = part.clone().into_os_string();
        map.push(".map");
        let map = PathBuf::from(map);
        let (name, size) = (part.display(), report::size(size));
        let (part, has_map, map) = (quoted(&part), map.exists(), quoted(&map));
        report::warning(match has_map {
            true => format!(
                "{name} ({size}) is what an earlier rescue saved; --rescue --mapfile {map} -o \
                 {part} continues it, and rm {part} {map} removes it"
            ),
            false => format!(
                "{name} ({size}) is left of an earlier run that was killed, or could not give it \
                 its name; rm {part} removes it"
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
        let part = path.with_file_name(entry.file_name());
        let file = is_file
            .then(|| device::open_to_write(&part).ok())
            .flatten()?;
        let size = device::allocated_size(&file.metadata().ok()?);
        device::lock(&file).then_some((part, size))
    });
    let mut unlocked: Vec<_> = unlocked.collect();
    unlocked.sort();
    unlocked
}
