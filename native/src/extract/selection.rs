//! Which files are written: those that paths name and patterns match, with all below them.

use globset::{GlobBuilder, GlobMatcher};
use ntfsclone_core::tree::{Entry, Located, Lookup};

use crate::commands::file_tree::FileTree;
use crate::error::{Error, Result};

/// The files that are to be written.
pub struct Selection {
    /// Paths as the volume has them.
    paths: Vec<String>,
    globs: Vec<GlobMatcher>,
    /// Where the walks begin.
    pub roots: Vec<Located>,
}

/// What becomes of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It is written, with all below it.
    Take,
    /// There may be something below it.
    Enter,
    Skip,
}

impl Selection {
    /// # Errors
    ///
    /// There is no file of a path, or a pattern is not one.
    pub fn new(files: &mut FileTree, typed: &[String]) -> Result<Self> {
        let root = files.find("/")?;
        let mut selection = Self {
            paths: Vec::new(),
            globs: Vec::new(),
            roots: vec![root],
        };
        if typed.is_empty() {
            selection.paths.push("/".to_owned());
        }
        for path in typed {
            match files.lookup(path)? {
                Lookup::Found(Located {
                    stream: Some(stream),
                    path,
                    ..
                }) => {
                    let found = format!("{path}:{stream} is a stream");
                    let remedy = "ntfsclone cat writes one; --xattrs those of all files";
                    return Err(Error::refused(files.device.path(), found, remedy));
                }
                Lookup::Found(located) => {
                    selection.paths.push(located.path.clone());
                    // A record by its number is in no directory.
                    if path.trim_start_matches(['/', '\\']).starts_with("[record ") {
                        selection.roots.push(located);
                    }
                }
                Lookup::Missing { .. } if path.contains(['*', '?', '[']) => {
                    selection.globs.push(matcher(path)?);
                }
                Lookup::Missing { parent, name } => return Err(files.missing(&parent, &name)),
            }
        }
        Ok(selection)
    }

    /// What becomes of an entry of a directory that is not taken itself.
    pub fn choose(&self, path: &str, entry: &Entry) -> Choice {
        let is_below = |path: &str, directory: &str| {
            let rest = path.strip_prefix(directory);
            directory == "/" || rest.is_some_and(|rest| rest.starts_with('/'))
        };
        if self.paths.iter().any(|named| named == path) {
            return Choice::Take;
        }
        let is_on_the_way = self.paths.iter().any(|named| is_below(named, path));
        if entry.is_system() && !is_on_the_way {
            return Choice::Skip;
        }
        let relative = path.trim_start_matches('/');
        if self.globs.iter().any(|glob| glob.is_match(relative)) {
            return Choice::Take;
        }
        match entry.kind.is_directory() && (is_on_the_way || !self.globs.is_empty()) {
            true => Choice::Enter,
            false => Choice::Skip,
        }
    }
}

fn matcher(pattern: &str) -> Result<GlobMatcher> {
    let pattern = pattern.replace('\\', "/");
    let glob = GlobBuilder::new(pattern.trim_start_matches('/'))
        .case_insensitive(true)
        .literal_separator(true)
        .build();
    let glob = glob.map_err(|error| Error::Usage {
        message: format!("the pattern {pattern:?} is not one: {}", error.kind()),
    })?;
    Ok(glob.compile_matcher())
}
