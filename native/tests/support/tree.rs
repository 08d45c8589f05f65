//! Everything that can be seen of a mounted volume, to compare two of them.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Of longer files only both ends are read: these are sparse, and reading terabytes of holes takes hours.
const LONG_FILE: u64 = 1 << 30;
const END: u64 = 1 << 20;

/// ntfs-3g does not list these, and yet answers for them.
const NTFS_ATTRIBUTES: &[&str] = &[
    "system.ntfs_acl",
    "system.ntfs_attrib",
    "system.ntfs_dos_name",
    "system.ntfs_object_id",
    "system.ntfs_reparse_data",
    "system.ntfs_times",
];

#[derive(Debug, PartialEq)]
struct Entry {
    mode: u32,
    links: u64,
    length: u64,
    modified: (i64, i64),
    content: Content,
    /// Alternate streams and NTFS's own attributes, by name.
    attributes: BTreeMap<String, blake3::Hash>,
}

#[derive(Debug, PartialEq)]
enum Content {
    Data(blake3::Hash),
    Link(PathBuf),
    None,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Tree(BTreeMap<PathBuf, Entry>);

impl Tree {
    pub(crate) fn read(root: &Path) -> Self {
        let mut entries = BTreeMap::new();
        read_folder(root, Path::new(""), &mut entries);
        Self(entries)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Fails with a list of the first entries that are not the same.
    pub(crate) fn assert_same(&self, what: &str, other: &Self) {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let differences: Vec<String> = names
            .into_iter()
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .map(|name| {
                format!(
                    "{}:\n  {:?}\n  {:?}",
                    name.display(),
                    self.0.get(name),
                    other.0.get(name)
                )
            })
            .collect();
        assert!(
            differences.is_empty(),
            "{what}: {} of {} entries differ; the first:\n{}",
            differences.len(),
            self.0.len(),
            differences[..differences.len().min(5)].join("\n")
        );
    }
}

fn read_folder(root: &Path, inside: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    let folder = root.join(inside);
    let list = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    for entry in list {
        let entry =
            entry.unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
        let name = inside.join(entry.file_name());
        let metadata = entry
            .metadata()
            .unwrap_or_else(|error| panic!("no metadata of {}: {error}", name.display()));
        entries.insert(name.clone(), read_entry(&entry.path(), &metadata));
        if metadata.is_dir() {
            read_folder(root, &name, entries);
        }
    }
}

fn read_entry(path: &Path, metadata: &fs::Metadata) -> Entry {
    let content = if metadata.is_file() {
        Content::Data(hash_file(path, metadata.len()).unwrap_or_else(|error| {
            panic!("cannot read {}: {error}", path.display());
        }))
    } else if metadata.is_symlink() {
        Content::Link(
            fs::read_link(path)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display())),
        )
    } else {
        Content::None
    };
    Entry {
        mode: metadata.mode(),
        links: metadata.nlink(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        content,
        attributes: read_attributes(path),
    }
}

fn hash_file(path: &Path, length: u64) -> std::io::Result<blake3::Hash> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    if length > LONG_FILE {
        hasher.update_reader(Read::by_ref(&mut file).take(END))?;
        file.seek(SeekFrom::Start(length - END))?;
    }
    hasher.update_reader(file)?;
    Ok(hasher.finalize())
}

fn read_attributes(path: &Path) -> BTreeMap<String, blake3::Hash> {
    let listed = xattr::list(path).into_iter().flatten();
    listed
        .map(|name| name.to_string_lossy().into_owned())
        .chain(NTFS_ATTRIBUTES.iter().map(|name| (*name).to_owned()))
        .filter_map(|name| {
            let value = xattr::get(path, &name).ok().flatten()?;
            Some((name, blake3::hash(&value)))
        })
        .collect()
}
