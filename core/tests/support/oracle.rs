//! Programs that are the oracles, where they are installed.

use core::sync::atomic::{AtomicU32, Ordering};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of its own for their files, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ntfsclone-core-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `None`, with a line on standard error, where it is not installed.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"];
    let mut paths = folders
        .map(|folder| Path::new(folder).join(name))
        .into_iter();
    let found = paths.find(|path| path.exists());
    if found.is_none() {
        let needs_all = std::env::var_os("NTFSCLONE_TESTS_REQUIRE_ALL");
        assert!(
            needs_all.is_none_or(|value| value != "1"),
            "{name} is not installed"
        );
        eprintln!("skipped: {name} is not installed");
    }
    found
}
