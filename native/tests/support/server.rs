//! A server that runs until the test ends it.

use super::{program::ours, scene::Scene};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Stdio},
};

pub(crate) struct Server {
    child: Child,
    pub(crate) uri: String,
    pub(crate) socket: PathBuf,
}

impl Server {
    /// Starts `serve` with these words on the socket `sock`, and waits until it listens.
    pub(crate) fn start(scene: &Scene, line: &str) -> Self {
        let mut command = scene.command(ours, &format!("serve --socket sock {line}"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let stdout = child.stdout.take().expect("piped above");
        let mut uri = String::new();
        let read = BufReader::new(stdout).read_line(&mut uri);
        let mut server = Self {
            child,
            uri: uri.trim_end().to_owned(),
            socket: scene.path("sock"),
        };
        if read.is_err() || uri.is_empty() {
            panic!("serve {line}: {}", server.wait().1);
        }
        server
    }

    /// Sends a signal and waits for the end; returns the exit code, and standard error.
    pub(crate) fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        let id = i32::try_from(self.child.id()).expect("an ordinary number");
        kill_process(Pid::from_raw(id).expect("not zero"), signal).expect("it runs");
        self.wait()
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        let mut errors = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            let _ = stderr.read_to_string(&mut errors);
        }
        let status = self.child.wait().expect("it ends");
        (status.code(), errors)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
