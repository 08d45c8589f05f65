//! What of a run's writes would outlast a power cut, worked out from strace's log.

use std::{collections::BTreeMap, ops::Range};

/// What is written to one file, and not on the disk for sure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Writes {
    /// Since the last sync.
    pending: Vec<Range<u64>>,
    /// Of a sync that failed: the kernel tells an error once, and forgets.
    lost: Vec<Range<u64>>,
}

/// The files of a run, by the names they have at its end.
#[derive(Debug, Default)]
pub(super) struct WriteLog {
    files: BTreeMap<String, Writes>,
    /// Files that were given a name before they were on the disk.
    pub(super) named_too_early: Vec<String>,
    /// Names that a power cut may take back: their folder was not synced since.
    pub(super) unsynced_names: Vec<String>,
    /// The folder that the run was started in.
    folder: String,
}

/// A call that strace wrote in one line or two.
struct Call<'a> {
    name: &'a str,
    arguments: String,
    succeeds: bool,
}

impl WriteLog {
    /// `folder` is the one that the run was started in.
    pub(super) fn parse(log: &str, folder: &str) -> Self {
        let mut write_log = Self {
            folder: folder.to_owned(),
            ..Self::default()
        };
        // Calls that have begun, by thread; of a sync, how many writes there were before it.
        let mut begun: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
        for line in log.lines() {
            let Some((thread, call)) = line.split_once(' ') else {
                continue;
            };
            let call = call.trim_start();
            if let Some(start) = call.strip_suffix(" <unfinished ...>") {
                let count = write_log.pending_in(start);
                begun.insert(thread, (start, count));
            } else if call.starts_with("<... ") {
                let (Some((start, count)), Some((_, end))) =
                    (begun.remove(thread), call.split_once("resumed>"))
                else {
                    continue;
                };
                write_log.note(&(start.to_owned() + end), Some(count));
            } else {
                write_log.note(call, None);
            }
        }
        write_log
    }

    /// Byte ranges of the file that a power cut may lose.
    pub(super) fn undurable(&self, path: &str) -> Vec<Range<u64>> {
        let writes = self.files.get(path);
        writes.map_or(Vec::new(), |writes| {
            [&writes.lost[..], &writes.pending[..]].concat()
        })
    }

    /// How many writes to the file of this call are pending.
    fn pending_in(&self, call: &str) -> usize {
        let path = first_path(call);
        let writes = path.and_then(|path| self.files.get(path));
        writes.map_or(0, |writes| writes.pending.len())
    }

    fn note(&mut self, line: &str, synced: Option<usize>) {
        let Some(call) = Call::parse(line) else {
            return;
        };
        match call.name {
            "pwrite64" | "pwritev" | "write" | "writev" | "copy_file_range" | "ftruncate"
            | "fallocate" | "ioctl" => {
                self.note_write(&call);
            }
            "fsync" | "fdatasync" => self.note_sync(&call, synced),
            "renameat2" | "renameat" | "rename" | "linkat" | "link" if call.succeeds => {
                self.note_name(&call)
            }
            "unlink" | "unlinkat" if call.succeeds => {
                let path = call.arguments.split('"').nth(1).unwrap_or_default();
                self.forget(&absolute(&self.folder, path));
            }
            _ => {}
        }
    }

    fn note_write(&mut self, call: &Call<'_>) {
        // Of copy_file_range the second file, of all others the first.
        let path = match call.name {
            "copy_file_range" => {
                let second = call.arguments.split_once(">, ");
                second.and_then(|(_, arguments)| first_path(arguments))
            }
            _ => first_path(&call.arguments),
        };
        let is_sharing = call.name != "ioctl" || call.arguments.contains("FICLONE");
        let Some(path) = path.filter(|path| call.succeeds && is_sharing && path.starts_with('/'))
        else {
            return;
        };
        let range = match call.name {
            "pwrite64" => call
                .numbers()
                .and_then(|(len, offset)| Some(offset..offset.checked_add(len)?)),
            // A new size is not on the disk either, but no bytes are lost with it.
            "ftruncate" => Some(0..0),
            _ => Some(0..u64::MAX),
        };
        let writes = self.files.entry(path.to_owned()).or_default();
        writes.pending.extend(range);
    }

    fn note_sync(&mut self, call: &Call<'_>, synced: Option<usize>) {
        let Some(path) = first_path(&call.arguments) else {
            return;
        };
        if call.succeeds {
            self.unsynced_names.retain(|name| parent(name) != path);
        }
        let Some(writes) = self.files.get_mut(path) else {
            return;
        };
        // What was written while it ran is not in it.
        let count = synced
            .unwrap_or(writes.pending.len())
            .min(writes.pending.len());
        let synced: Vec<_> = writes.pending.drain(..count).collect();
        match call.succeeds {
            true => synced
                .iter()
                .for_each(|range| subtract(&mut writes.lost, range)),
            false => writes.lost.extend(synced),
        }
    }

    fn note_name(&mut self, call: &Call<'_>) {
        // A name relative to an open folder shows that first.
        let folder = first_path(&call.arguments)
            .unwrap_or(&self.folder)
            .to_owned();
        let mut quoted = call.arguments.split('"').skip(1).step_by(2);
        let (Some(from), Some(to)) = (quoted.next(), quoted.next()) else {
            return;
        };
        let (from, to) = (absolute(&folder, from), absolute(&folder, to));
        let writes = self.forget(&from);
        let is_final = !to.ends_with(".part");
        if is_final && (!writes.pending.is_empty() || !writes.lost.is_empty()) {
            self.named_too_early.push(to.clone());
        }
        self.files.insert(to.clone(), writes);
        self.unsynced_names.push(to);
    }

    /// The file has this name no more.
    fn forget(&mut self, path: &str) -> Writes {
        self.unsynced_names.retain(|name| name != path);
        self.files.remove(path).unwrap_or_default()
    }
}

impl<'a> Call<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ")?;
        Some(Self {
            name,
            arguments: arguments.trim_end().trim_end_matches(')').to_owned(),
            succeeds: !result.starts_with('-') && !result.starts_with('?'),
        })
    }

    /// The last two arguments: length and offset.
    fn numbers(&self) -> Option<(u64, u64)> {
        let mut words = self.arguments.rsplit(", ");
        let offset = words.next()?.parse().ok()?;
        Some((words.next()?.parse().ok()?, offset))
    }
}

/// The path of the first descriptor: `7</folder/file>`; of a device also `7</dev/loop0<block 7:0>>`.
fn first_path(arguments: &str) -> Option<&str> {
    let (_, rest) = arguments.split_once('<')?;
    rest.split(['<', '>']).next()
}

fn absolute(folder: &str, path: &str) -> String {
    match path.starts_with('/') {
        true => path.replace("/./", "/"),
        false => format!("{folder}/{}", path.trim_start_matches("./")),
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn subtract(ranges: &mut Vec<Range<u64>>, taken: &Range<u64>) {
    let pieces = ranges.drain(..).flat_map(|range| {
        let before = range.start..range.end.min(taken.start);
        let after = range.start.max(taken.end)..range.end;
        [before, after]
            .into_iter()
            .filter(|piece| piece.start < piece.end)
    });
    *ranges = pieces.collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_is_durable() {
        let log = WriteLog::parse(
            "1 pwrite64(3</d/a.part>, \"\"..., 512, 0) = 512\n\
             1 fsync(3</d/a.part> <unfinished ...>\n\
             2 pwrite64(3</d/a.part>, \"\"..., 512, 512) = 512\n\
             1 <... fsync resumed>) = 0\n\
             1 renameat2(AT_FDCWD</d>, \"/d/a.part\", AT_FDCWD</d>, \"a\", RENAME_NOREPLACE) = 0\n",
            "/d",
        );
        assert_eq!(log.undurable("/d/a"), vec![512..1024]);
        assert_eq!(log.named_too_early, ["/d/a"]);
        assert_eq!(log.unsynced_names, ["/d/a"]);
    }

    #[test]
    fn a_name_is_durable_with_its_folder_or_gone() {
        let log = WriteLog::parse(
            "1 pwrite64(3</d/a.part>, \"\"..., 512, 0) = 512\n\
             1 rename(\"a.part\", \"b.part\") = 0\n\
             1 fsync(3</d/b.part>) = 0\n\
             1 rename(\"b.part\", \"b\") = 0\n\
             1 fsync(4</d>) = 0\n\
             1 rename(\"c.part\", \"c\") = 0\n\
             1 unlink(\"c\") = 0\n",
            "/d",
        );
        assert!(log.undurable("/d/b").is_empty());
        assert!(log.named_too_early.is_empty(), "{log:?}");
        assert!(log.unsynced_names.is_empty(), "{log:?}");
    }

    #[test]
    fn what_a_failed_sync_lost_no_later_one_brings_back() {
        let log = WriteLog::parse(
            "1 pwrite64(3</d/a>, \"\"..., 1024, 0) = 1024\n\
             1 fdatasync(3</d/a>) = -1 EIO (Input/output error) (INJECTED)\n\
             1 fdatasync(3</d/a>) = 0\n\
             1 pwrite64(3</d/a>, \"\"..., 512, 0) = 512\n\
             1 fdatasync(3</d/a>) = 0\n",
            "/d",
        );
        assert_eq!(log.undurable("/d/a"), vec![512..1024]);
    }
}
