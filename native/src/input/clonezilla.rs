//! Folders that Clonezilla saves a disk to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::not_opened::refuse_several;
use crate::error::{Error, Result};

/// Files that only these folders have.
const MARKS: [&str; 2] = ["clonezilla-img", "parts"];

/// What stands in the names of images, between the name of the partition and
/// how it was compressed and split: `sda1.ntfs-img.gz.aa`.
const NTFSCLONE: &str = ".ntfs-img";
const PARTCLONE: &str = ".ntfs-ptcl-img";

/// The image in a folder of Clonezilla, or the first piece of it; None if it is
/// another folder.
///
/// # Errors
///
/// There is no image of ntfsclone in it, or there are several.
pub fn image_in(folder: &Path) -> Result<Option<PathBuf>> {
    if !MARKS.iter().any(|mark| folder.join(mark).is_file()) {
        return Ok(None);
    }
    let failed = |error| Error::io("list", folder, error);
    let names = names_in(folder).map_err(failed)?;
    let images = first_of_each(&names, NTFSCLONE);
    match &images[..] {
        [image] => Ok(Some(folder.join(image))),
        [] => {
            let others = first_of_each(&names, PARTCLONE);
            match others.first() {
                Some(first) => Err(Error::refused(
                    &folder.join(first),
                    "is an image of partclone, not of ntfsclone",
                    "restore it with Clonezilla, or with partclone.ntfs",
                )),
                None => Err(Error::refused(
                    folder,
                    "is a folder of Clonezilla without an image of NTFS",
                    "is it the right folder?",
                )),
            }
        }
        several => {
            let paths: Vec<PathBuf> = several.iter().map(|name| folder.join(name)).collect();
            let found = "is a folder of Clonezilla; NTFS is in";
            Err(refuse_several(folder, found, &paths))
        }
    }
}

fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// Of the names, which are sorted, the first of each partition.
fn first_of_each<'a>(names: &'a [String], mark: &str) -> Vec<&'a str> {
    let mut found = BTreeMap::new();
    for name in names {
        if let Some((partition, rest)) = name.split_once(mark)
            && (rest.is_empty() || rest.starts_with('.'))
        {
            found.entry(partition).or_insert(name.as_str());
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_for_each_partition() {
        let names = [
            "parts",
            "sda1.ntfs-img.aa",
            "sda1.ntfs-img.ab",
            "sda2.ntfs-img.gz.aa",
            "sda3.ntfs-ptcl-img.gz.aa",
            "sda4.ntfs-img",
            "sda5.ntfs-imgx",
        ]
        .map(str::to_owned);
        let expected = ["sda1.ntfs-img.aa", "sda2.ntfs-img.gz.aa", "sda4.ntfs-img"];
        assert_eq!(first_of_each(&names, NTFSCLONE), expected);
        assert_eq!(first_of_each(&names, PARTCLONE), [names[4].as_str()]);
    }
}
