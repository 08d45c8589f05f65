//! A control group that limits what is run in it, for as long as the guard lives.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

const TOP: &str = "/sys/fs/cgroup";

pub(crate) struct ControlGroup(PathBuf);

impl ControlGroup {
    /// `None` where there are no such groups, or none can be made.
    pub(crate) fn with_memory(bytes: u64) -> Option<Self> {
        Self::new("memory", ["memory.limit_in_bytes", "memory.max"], bytes)
    }

    /// As [`Self::with_memory`], with so many processes and threads.
    pub(crate) fn with_tasks(count: u64) -> Option<Self> {
        Self::new("pids", ["pids.max", "pids.max"], count)
    }

    fn new(controller: &str, limit: [&str; 2], value: u64) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ntfsclone-test-{}-{next}", process::id());
        let first = Path::new(TOP).join(controller);
        let (folder, limit) = match first.is_dir() {
            true => (first.join(name), limit[0]),
            false => (Path::new(TOP).join(name), limit[1]),
        };
        fs::create_dir(&folder).ok()?;
        let group = Self(folder);
        fs::write(group.0.join(limit), value.to_string()).ok()?;
        Some(group)
    }

    /// The same command, in the group.
    pub(crate) fn confine(&self, command: &Command) -> Command {
        let mut confined = Command::new("sh");
        let script = "echo $$ >\"$0\"; exec \"$@\"";
        confined.args(["-c", script]);
        confined.arg(self.0.join("cgroup.procs"));
        confined.arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            confined.current_dir(folder);
        }
        confined
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Processes that have ended stay in it for a moment.
        for _ in 0..50 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
