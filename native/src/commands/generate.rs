//! The manual page and the completions of shells, from the declaration of the
//! command line.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, Generated};
use crate::error::{Error, Result};

const NAME: &str = "ntfsclone";

pub fn run(what: Generated) -> Result<()> {
    let mut text = Vec::new();
    let mut complete = |shell| {
        clap_complete::generate(shell, &mut Cli::command(), NAME, &mut text);
        Ok(())
    };
    let generated = match what {
        Generated::CompleteBash => complete(Shell::Bash),
        Generated::CompleteFish => complete(Shell::Fish),
        Generated::CompleteZsh => complete(Shell::Zsh),
        Generated::Man => clap_mangen::Man::new(Cli::command()).render(&mut text),
    };
    generated
        .and_then(|()| std::io::stdout().write_all(&text))
        .map_err(|error| Error::io("write to", "standard output".as_ref(), error))
}
