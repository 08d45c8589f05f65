//! Folders that Clonezilla saves a disk to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::not_opened::refuse_several;
use crate::error::{Error, Result};

/// Files that only these folders have.
const MARKS: [&str; 2] = ["clonezilla-img", "parts"];

/// What stands in the names of images, of ntfsclone and of partclone, between
/// the name of the partition and how it was compressed and split:
/// `sda1.ntfs-img.gz.aa`.
const IMAGES: [&str; 2] = [".ntfs-img", ".ntfs-ptcl-img"];

/// The image in a folder of Clonezilla, or the first piece of it; None if it is
/// another folder.
///
/// # Errors
///
/// There is no image of NTFS in it, or there are several.
pub fn image_in(folder: &Path) -> Result<Option<PathBuf>> {
    if !is_folder(folder) {
        return Ok(None);
    }
    let failed = |error| Error::io("list", folder, error);
    let names = names_in(folder).map_err(failed)?;
    let images = first_of_each(&names);
    match &images[..] {
        [image] => Ok(Some(folder.join(image))),
        [] => Err(Error::refused(
            folder,
            "is a folder of Clonezilla without an image of NTFS",
            "is it the right folder?",
        )),
        several => {
            let paths: Vec<PathBuf> = several.iter().map(|name| folder.join(name)).collect();
            let found = "is a folder of Clonezilla; NTFS is in";
            Err(refuse_several(folder, found, &paths))
        }
    }
}

/// Whether it is a folder of Clonezilla.
pub fn is_folder(folder: &Path) -> bool {
    MARKS.iter().any(|mark| folder.join(mark).is_file())
}

/// The kind of image of a `partition` that the file with this name is, or a piece of it:
/// `ext4-ptcl-img`. `None` if it is another file.
pub fn image_of<'a>(partition: &str, name: &'a str) -> Option<&'a str> {
    let rest = name.strip_prefix(partition)?.strip_prefix('.')?;
    let kind = rest.split('.').next()?;
    let is_image = ["ntfs-img", "dd-img"].contains(&kind) || kind.ends_with("-ptcl-img");
    is_image.then_some(kind)
}

/// The names of all files, sorted.
pub fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// Of the names, which are sorted, the first of each image.
fn first_of_each(names: &[String]) -> Vec<&str> {
    let mut found = BTreeMap::new();
    for name in names {
        for mark in IMAGES {
            if let Some((partition, rest)) = name.split_once(mark)
                && (rest.is_empty() || rest.starts_with('.'))
            {
                found.entry((partition, mark)).or_insert(name.as_str());
            }
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
            "sda3.ntfs-ptcl-img.gz.ab",
            "sda4.ntfs-img",
            "sda5.ntfs-imgx",
            "sda6.ntfs-ptcl-img.uncomp",
            "sda7.ext4-ptcl-img.gz.aa",
        ]
        .map(str::to_owned);
        let expected = [
            "sda1.ntfs-img.aa",
            "sda2.ntfs-img.gz.aa",
            "sda3.ntfs-ptcl-img.gz.aa",
            "sda4.ntfs-img",
            "sda6.ntfs-ptcl-img.uncomp",
        ];
        assert_eq!(first_of_each(&names), expected);
    }
}
