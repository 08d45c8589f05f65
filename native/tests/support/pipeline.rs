//! Programs joined by pipes, as in a shell's command line.

use std::{
    fs::File,
    io::{Read, Seek},
    path::Path,
    process::{Child, Command, Stdio},
};

/// Runs `commands`, each reading what the one before it writes; fails the test unless every one exits with 0.
pub(crate) fn run<const N: usize>(commands: [Command; N]) {
    let stages = start(commands.into(), Stdio::null());
    stages.into_iter().for_each(Stage::succeed);
}

/// The same with the last one's standard output in a new file.
pub(crate) fn run_into<const N: usize>(commands: [Command; N], output: &Path) {
    let file = File::create(output)
        .unwrap_or_else(|error| panic!("cannot create {}: {error}", output.display()));
    let stages = start(commands.into(), file.into());
    stages.into_iter().for_each(Stage::succeed);
}

/// One program of a pipeline. What it prints goes to a file: a pipe nobody reads would fill and stop it.
pub(crate) struct Stage {
    line: String,
    pub(crate) process: Child,
    errors: File,
}

/// Starts all; the last one's standard output is `sink`.
pub(crate) fn start(commands: Vec<Command>, sink: Stdio) -> Vec<Stage> {
    let last = commands.len() - 1;
    let mut sink = Some(sink);
    let mut input = Stdio::null();
    let mut stages = Vec::new();
    for (index, mut command) in commands.into_iter().enumerate() {
        let line = format!("{command:?}");
        let errors = tempfile::tempfile().expect("cannot make a temporary file");
        command
            .stdin(input)
            .stderr(errors.try_clone().expect("cannot duplicate a file handle"))
            .stdout(match index == last {
                true => sink.take().expect("there is one last program"),
                false => Stdio::piped(),
            });
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {line}: {error}"));
        input = match index == last {
            true => Stdio::null(),
            false => process.stdout.take().expect("piped above").into(),
        };
        stages.push(Stage {
            line,
            process,
            errors,
        });
    }
    stages
}

impl Stage {
    pub(crate) fn succeed(mut self) {
        let status = self.process.wait().expect("cannot wait for a program");
        if status.success() {
            return;
        }
        let mut text = String::new();
        self.errors.rewind().expect("cannot rewind");
        self.errors
            .read_to_string(&mut text)
            .expect("cannot read what was printed");
        panic!("{status}: {}\n{text}", self.line);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // After a panic in the test: nothing may go on writing into a folder that is about to be removed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
