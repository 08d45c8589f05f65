//! A mount by ours that lasts until the test ends it.

use super::{program::ours, scene::Scene};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
};

pub(crate) struct FuseMount {
    child: Child,
    errors: BufReader<ChildStderr>,
    directory: PathBuf,
    /// What was on standard error until it was mounted.
    pub(crate) announced: String,
}

impl FuseMount {
    /// Starts `mount` with these words on the directory `mnt`, and waits until it is mounted.
    pub(crate) fn start(scene: &Scene, line: &str) -> Self {
        let directory = scene.path("mnt");
        fs::create_dir_all(&directory).expect("the folder of the scene is there");
        let mut command = scene.command(ours, &format!("mount {line} mnt"));
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut errors = BufReader::new(child.stderr.take().expect("piped above"));
        let mut text = String::new();
        while !text.contains("Mounted ") {
            let len = errors.read_line(&mut text).expect("UTF-8");
            assert!(len > 0, "mount {line}: {text}");
        }
        Self {
            child,
            errors,
            directory,
            announced: text,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("an ordinary number");
        kill_process(Pid::from_raw(id).expect("not zero"), signal).expect("it runs");
    }

    /// Waits for the end; returns the exit code, and what else is on standard error.
    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        let mut errors = String::new();
        let _ = self.errors.read_to_string(&mut errors);
        let status = self.child.wait().expect("it ends");
        (status.code(), errors)
    }

    pub(crate) fn unmount(mut self) -> (Option<i32>, String) {
        assert!(unmount(&self.directory), "cannot unmount");
        self.wait()
    }
}

impl Drop for FuseMount {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        unmount(&self.directory);
    }
}

/// Whether something was mounted there.
pub(crate) fn unmount(directory: &Path) -> bool {
    let mut command = Command::new("umount");
    command.arg("--lazy").arg(directory).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
