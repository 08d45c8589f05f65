//! A walk over the files of a selection, with the directories that each is in.

use std::sync::Arc;

use ntfsclone_core::Error as CoreError;
use ntfsclone_core::tree::{Entry, Found, Located, Walk};

use super::selection::{Choice, Selection};
use crate::commands::file_tree::FileTree;

/// A directory on the way to a file.
pub struct Level<T> {
    /// Its path on the volume.
    pub path: String,
    pub entry: Entry,
    /// Whether all below it is selected.
    is_taken: bool,
    /// What was made of it; nothing as long as nothing in it was selected.
    pub made: Option<Arc<T>>,
}

/// What a walk comes to.
pub enum Picked {
    /// A file, link or directory that is selected. The directory is the last of [`Picker::levels`].
    Entry { path: String, entry: Entry },
    /// The index of a directory is damaged, and the MFT is used instead.
    IndexDamaged { path: String, damage: CoreError },
    /// A directory that cannot be listed.
    Failed { path: String, error: CoreError },
}

/// A walk over what is selected below one root.
pub struct Picker<'a, T> {
    selection: &'a Selection,
    walk: Walk,
    /// The directories that the last entry is in, from the root on.
    pub levels: Vec<Level<T>>,
    /// A root that is not a directory.
    alone: Option<Located>,
}

impl<'a, T> Picker<'a, T> {
    /// `made` is what the root of the volume is written to.
    pub fn new(selection: &'a Selection, root: &Located, made: Option<Arc<T>>) -> Self {
        let is_root = root.path == "/";
        let top = Level {
            path: "/".to_owned(),
            entry: root.entry.clone(),
            is_taken: is_root && selection.choose("/", &root.entry) == Choice::Take,
            made,
        };
        let mut levels = vec![top];
        let is_alone = !root.entry.kind.is_directory();
        if !is_root && !is_alone {
            levels.push(Level {
                path: root.path.clone(),
                entry: root.entry.clone(),
                is_taken: true,
                made: None,
            });
        }
        Self {
            selection,
            walk: Walk::new(root.clone()),
            levels,
            alone: is_alone.then(|| root.clone()),
        }
    }

    /// Leaves out what is in the directory that was returned last.
    pub fn skip_directory(&mut self) {
        self.walk.skip_directory();
    }

    pub fn next(&mut self, files: &mut FileTree) -> Option<Picked> {
        if let Some(Located { path, entry, .. }) = self.alone.take() {
            self.walk.skip_directory();
            return Some(Picked::Entry { path, entry });
        }
        loop {
            let (path, entry) = match self.walk.next(&mut files.tree)? {
                Found::Entry { path, entry } => (path, entry),
                Found::IndexDamaged { path, damage } => {
                    return Some(Picked::IndexDamaged { path, damage });
                }
                Found::Failed { path, error } => return Some(Picked::Failed { path, error }),
            };
            self.leave_to(&path, &entry);
            let is_below_taken = self.levels.last().is_some_and(|level| level.is_taken);
            let choice = match is_below_taken && !entry.is_system() {
                true => Choice::Take,
                false => self.selection.choose(&path, &entry),
            };
            if choice == Choice::Skip {
                self.walk.skip_directory();
                continue;
            }
            if entry.kind.is_directory() {
                self.levels.push(Level {
                    path: path.clone(),
                    entry: entry.clone(),
                    is_taken: choice == Choice::Take,
                    made: None,
                });
            }
            if choice == Choice::Take {
                return Some(Picked::Entry { path, entry });
            }
        }
    }

    /// Ends the directories that an entry is not in.
    fn leave_to(&mut self, path: &str, entry: &Entry) {
        let name = entry.name.to_string();
        let parent = path.strip_suffix(&name).unwrap_or(path);
        let parent = match parent.strip_suffix('/') {
            Some("") | None => "/",
            Some(parent) => parent,
        };
        while self.levels.len() > 1 && self.levels.last().is_some_and(|last| last.path != parent) {
            self.levels.pop();
        }
    }
}
