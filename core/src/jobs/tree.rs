//! Listing files by their paths.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use serde::Serialize;

use super::job::{Co, Job};
use super::locate::locate;
use super::opened::Opened;
use super::{Failure, Refusal, Step};
use crate::error::{Error, Structure};
use crate::io::Source;
use crate::open::Inside;
use crate::tree::{By, Details, Entry, Found, Kind, Located, Lookup, Tree, Walk, join};
use crate::units::RecordNumber;

/// Files of one step, at most.
const FILES_PER_STEP: usize = 256;

/// What is listed of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The file or directory itself.
    File,
    /// The entries of the directory.
    Directory,
    /// All that is below the directory. Each hard link is an entry.
    Tree,
}

/// A file or directory, as its directory names it and its record describes it. Names and paths are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ListedFile {
    /// The path, with `/` before each name; `/` of the root directory.
    pub path: String,
    /// The name; empty of the root directory.
    pub name: String,
    /// The 8.3 name, if it is another one.
    pub short_name: Option<String>,
    /// The base record.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub record: u64,
    /// What it is: `file`, `directory`, or `symlink`, which junctions are as well.
    #[cfg_attr(
        feature = "typescript",
        ts(type = "\"file\" | \"directory\" | \"symlink\"")
    )]
    pub kind: &'static str,
    /// What its reparse point makes of it: `symlink`, `junction`, `wof`, `dedup`, `cloud`, or the tag of another one
    /// ([MS-FSCC] 2.1.2.1), such as `0x8000001b`.
    pub reparse: Option<String>,
    /// Whether it is one of the file system's own files.
    pub is_system: bool,
    /// Whether its record cannot be read: this is what its directory knows.
    pub is_damaged: bool,
    /// Bytes of its content; 0 of a directory.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub size: u64,
    /// Bytes of the clusters of its content; 0 if that is in the record.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub allocated: u64,
    /// Creation, last change of the content, last change of the record, and last access: 100 ns since 1601, as decimal
    /// digits, since a number of JavaScript has too few bits.
    pub times: [String; 4],
    /// The DOS attributes ([MS-FSCC] 2.6).
    pub attributes: u32,
    /// The number of its names, without short ones.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub links: u64,
    /// Its named streams.
    pub streams: Vec<ListedStream>,
    /// The stream that the path names, if any: sizes are those of the stream.
    pub stream: Option<String>,
    /// Where it leads, if it is a link.
    pub target: Option<String>,
}

/// A named stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ListedStream {
    /// The name. Untrusted.
    pub name: String,
    /// Its bytes.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub size: u64,
    /// Bytes of its clusters.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub allocated: u64,
}

/// A directory whose index is damaged. Its entries follow, by the names in all MFT records, unless it `is_lost`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Unlisted {
    /// The path of the directory.
    pub path: String,
    /// Whether its entries could not be listed at all.
    pub is_lost: bool,
    /// What is wrong, by [`Failure::code`].
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
    /// Where, in bytes, if that is known.
    #[cfg_attr(feature = "typescript", ts(type = "number | null"))]
    pub offset: Option<u64>,
}

/// What a listing comes to.
#[derive(Serialize)]
#[serde(untagged)]
enum Item {
    File(Box<ListedFile>),
    Unlisted(Unlisted),
}

impl Opened {
    /// Lists a path: [`Step::Bytes`] that are JSON, each a list of [`ListedFile`]s and [`Unlisted`]s. For how paths are
    /// compared, see [`Tree::find`]. Files of the file system are left out unless it `includes_system`.
    pub fn list(&self, path: &str, listing: Listing, includes_system: bool) -> Job<()> {
        let (opened, path) = (self.clone(), String::from(path));
        Job::new(Arc::clone(&self.pages), move |co| async move {
            let inside = locate(&co, &opened).await?;
            let mut tree = open_tree(&co, &inside).await?;
            let located = find(&co, &mut tree, &path).await?;
            if listing == Listing::File {
                return emit_file(&co, &tree, located).await;
            }
            if !located.entry.kind.is_directory() {
                return Err(not_directory(&located.path));
            }
            emit_entries(&co, &mut tree, located, listing, includes_system).await
        })
    }
}

async fn emit_file(co: &Co, tree: &Tree<Source>, located: Located) -> Result<(), Failure> {
    let Located {
        entry,
        path,
        stream,
    } = located;
    let details = co
        .read(|| Details::read(tree.volume(), entry.reference))
        .await?;
    let found = match &stream {
        Some(stream) => {
            let found = tree.find_stream(&details, stream).cloned();
            Some(found.ok_or_else(|| no_stream(&path, stream))?)
        }
        None => None,
    };
    let mut file = ListedFile::new(path, &entry, Some(details));
    if let Some(found) = found {
        file.size = found.size;
        file.allocated = found.allocated;
        file.path = format!("{}:{}", file.path, found.name);
        file.stream = Some(found.name.to_string());
    }
    emit(co, &[Item::File(Box::new(file))])
}

async fn emit_entries(
    co: &Co,
    tree: &mut Tree<Source>,
    directory: Located,
    listing: Listing,
    includes_system: bool,
) -> Result<(), Failure> {
    let mut walk = Walk::new(directory);
    let mut items = Vec::new();
    while let Some(found) = co.attempt(|| walk.next(tree)).await {
        let item = match found {
            Found::Entry { entry, .. } if entry.is_system() && !includes_system => {
                walk.skip_directory();
                continue;
            }
            Found::Entry { path, entry } => {
                if listing == Listing::Directory {
                    walk.skip_directory();
                }
                let details = co.read(|| Details::read(tree.volume(), entry.reference));
                Item::File(Box::new(ListedFile::new(path, &entry, details.await.ok())))
            }
            Found::IndexDamaged { path, damage } => Item::unlisted(path, false, damage),
            Found::Failed { path, error } => Item::unlisted(path, true, error),
        };
        items.push(item);
        if items.len() >= FILES_PER_STEP {
            emit(co, &mem::take(&mut items))?;
            co.flushed().await;
        }
    }
    match items.is_empty() {
        true => Ok(()),
        false => emit(co, &items),
    }
}

fn emit(co: &Co, items: &[Item]) -> Result<(), Failure> {
    let json = serde_json::to_vec(items).map_err(|_| Error::Memory {
        structure: Structure::Volume,
        len: 0,
    })?;
    co.emit(Step::Bytes(json.into()));
    Ok(())
}

impl ListedFile {
    /// `details` are those of its record; without them, the entry tells what its directory knows.
    fn new(path: String, entry: &Entry, details: Option<Details>) -> Self {
        let is_damaged = details.is_none();
        let details = details.unwrap_or_else(|| Details {
            kind: entry.kind,
            size: entry.size,
            allocated: entry.allocated,
            times: entry.times,
            attributes: entry.attributes,
            links: 1,
            streams: Vec::new(),
            target: None,
            is_encrypted: false,
        });
        let streams = details.streams.iter().map(|stream| ListedStream {
            name: stream.name.to_string(),
            size: stream.size,
            allocated: stream.allocated,
        });
        let times = details.times;
        let times = [
            times.created,
            times.modified,
            times.record_changed,
            times.accessed,
        ];
        Self {
            path,
            name: entry.name.to_string(),
            short_name: entry.short_name.as_ref().map(ToString::to_string),
            record: entry.reference.record.0,
            kind: kind_name(details.kind),
            reparse: reparse_name(details.kind),
            is_system: entry.is_system(),
            is_damaged,
            size: details.size,
            allocated: details.allocated,
            times: times.map(|time| time.to_string()),
            attributes: details.attributes,
            links: details.links,
            streams: streams.collect(),
            stream: None,
            target: details.target.map(|target| target.path),
        }
    }
}

impl Item {
    fn unlisted(path: String, is_lost: bool, error: Error) -> Self {
        let failure = Failure::from(error);
        Self::Unlisted(Unlisted {
            path,
            is_lost,
            code: failure.code(),
            message: failure.to_string(),
            offset: failure.offset(),
        })
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        kind if kind.is_directory() => "directory",
        kind if kind.is_link() => "symlink",
        _ => "file",
    }
}

fn reparse_name(kind: Kind) -> Option<String> {
    let name = match kind {
        Kind::File | Kind::Directory => return None,
        Kind::Symlink => "symlink",
        Kind::Junction => "junction",
        Kind::Wof => "wof",
        Kind::Dedup => "dedup",
        Kind::Cloud => "cloud",
        Kind::Reparse(tag) | Kind::ReparseDirectory(tag) => return Some(format!("{tag:#010x}")),
    };
    Some(name.into())
}

async fn open_tree(co: &Co, inside: &Inside) -> Result<Tree<Source>, Failure> {
    co.read(|| {
        let (volume, _) = inside.open_to_look()?;
        Tree::new(volume, By::Index)
    })
    .await
}

async fn find(co: &Co, tree: &mut Tree<Source>, path: &str) -> Result<Located, Failure> {
    match co.read(|| tree.find(path)).await? {
        Lookup::Found(located) => Ok(located),
        Lookup::Missing { parent, .. } if !parent.entry.kind.is_directory() => {
            Err(not_directory(&parent.path))
        }
        Lookup::Missing { parent, name } => Err(Failure::refused(
            Refusal::NoFile,
            format!("has no file or directory {:?}", join(&parent.path, &name)),
            "list the directory for the names that it has",
        )),
    }
}

/// The record and stream whose content a path names, or `stream` unless that is empty.
pub(super) async fn find_content(
    co: &Co,
    inside: &Inside,
    path: &str,
    stream: String,
) -> Result<(RecordNumber, String), Failure> {
    let mut tree = open_tree(co, inside).await?;
    let located = find(co, &mut tree, path).await?;
    let reference = located.entry.reference;
    let details = co.read(|| Details::read(tree.volume(), reference)).await?;
    let path = located.path;
    let wanted = match stream.is_empty() {
        true => located.stream,
        false => Some(stream),
    };
    if let Some(wanted) = wanted {
        let stream = tree.find_stream(&details, &wanted);
        let stream = stream.ok_or_else(|| no_stream(&path, &wanted))?;
        return Ok((reference.record, stream.name.to_string()));
    }
    if details.kind.is_directory() {
        return Err(Failure::refused(
            Refusal::Directory,
            format!("has a directory as {path:?}, which has no content"),
            "name a file in it",
        ));
    }
    if details.kind.is_link() {
        let target = details.target.map_or(String::new(), |target| target.path);
        return Err(Failure::refused(
            Refusal::Link,
            format!("has a link to {target:?} as {path:?}"),
            "name the file that it leads to",
        ));
    }
    Ok((reference.record, String::new()))
}

fn not_directory(path: &str) -> Failure {
    Failure::refused(
        Refusal::NotDirectory,
        format!("has no directory as {path:?}, and so no entries in it"),
        "name a directory",
    )
}

fn no_stream(path: &str, stream: &str) -> Failure {
    Failure::refused(
        Refusal::NoStream,
        format!("has no stream {stream:?} in {path:?}"),
        "its entry has the names of its streams",
    )
}
