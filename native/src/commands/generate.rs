//! The manual page and the completions of shells, from the declaration of the
//! command line.

use std::io::{self, Write};

use clap::Command;
use clap::builder::StyledStr;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::{self, Generated};
use crate::error::Result;
use crate::report;

const NAME: &str = "ntfsclone";

pub fn run(what: Generated) -> Result<()> {
    let mut text = Vec::new();
    let mut complete = |shell| {
        clap_complete::generate(shell, &mut cli::declaration(), NAME, &mut text);
        Ok(())
    };
    let generated = match what {
        Generated::CompleteBash => complete(Shell::Bash),
        Generated::CompleteFish => complete(Shell::Fish),
        Generated::CompleteZsh => complete(Shell::Zsh),
        Generated::Man => manual_page(&mut text),
    };
    let mut stdout = io::stdout();
    report::written_to_stdout(
        generated
            .and_then(|()| stdout.write_all(&text))
            .and_then(|()| stdout.flush()),
    )
}

/// One page for all: a subcommand is a section of it, where the library's own
/// page would refer to one that nobody has.
fn manual_page(text: &mut Vec<u8>) -> io::Result<()> {
    let mut command = cli::declaration();
    command.build();
    let page = Man::new(command.clone());
    page.render_title(text)?;
    page.render_name_section(text)?;
    page.render_synopsis_section(text)?;
    page.render_description_section(text)?;
    page.render_options_section(text)?;
    for subcommand in command.get_subcommands() {
        render_subcommand(subcommand, text)?;
    }
    page.render_extra_section(text)?;
    page.render_version_section(text)
}

fn render_subcommand(command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    let heading = format!("command {}", command.get_name()).to_uppercase();
    let plain = |text: Option<&StyledStr>| text.map(StyledStr::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    roff.control("SH", [heading.as_str()]);
    roff.text([bold(command.clone().render_usage().to_string())]);
    roff.control("PP", []);
    roff.text([roman(plain(command.get_about()))]);
    let after_help = plain(command.get_after_help());
    if !after_help.is_empty() {
        roff.control("PP", []);
    }
    for line in after_help.lines() {
        roff.text([roman(line)]);
    }
    roff.to_writer(text)?;

    let options = command.clone().mut_args(|argument| {
        let is_help = argument.get_id() == "help";
        argument
            .hide(is_help)
            .help_heading("Options of this command")
    });
    Man::new(options).render_options_section(text)
}
