//! The command line, put in the order that the parser expects: a command first.
//!
//! `help` and `help COMMAND` become `--help`, options may stand before a command,
//! and a word that is only called like a command stays what is read.

use std::ffi::OsString;

use clap::Command;

use super::mistakes::similar_command;
use super::words::{Role, Word, has_option};
use crate::error::{Error, Result};

/// The words of a command line, in order.
pub struct Line {
    /// The name under which the program was called.
    program: OsString,
    /// The command, which is the first of the words; `None` for a copy or restore.
    pub command: Option<String>,
    pub words: Vec<Word>,
}

impl Line {
    /// Puts the words after the name of the `program` in order.
    ///
    /// # Errors
    ///
    /// Help is requested for a command that does not exist.
    pub fn new(program: OsString, words: Vec<Word>, declared: &Command) -> Result<Self> {
        let copy = |words| Self {
            program: program.clone(),
            command: None,
            words,
        };
        let Some(first) = words.iter().position(Word::is_positional) else {
            return Ok(copy(words));
        };
        let is_escaped = words[..first]
            .iter()
            .any(|word| word.role == Role::EndOfOptions);
        let name = words[first].text.to_string_lossy().into_owned();
        let is_help = name == "help";
        if is_escaped || !(is_help || declared.find_subcommand(&name).is_some()) {
            return Ok(copy(words));
        }
        if first > 0 && !is_command(&words) {
            return Ok(copy(escape_sources(words)));
        }
        if is_help {
            let words = help(words, first, declared)?;
            let command = words.iter().find(|word| word.is_positional());
            let command = command.map(|word| word.text.to_string_lossy().into_owned());
            return Ok(Self {
                program,
                command,
                words,
            });
        }
        let mut words = words;
        let word = words.remove(first);
        words.insert(0, word);
        Ok(Self {
            program,
            command: Some(name),
            words,
        })
    }

    /// For the parser: the program's name first.
    pub fn arguments(&self) -> Vec<OsString> {
        let words = self.words.iter().map(|word| word.text.clone());
        [self.program.clone()].into_iter().chain(words).collect()
    }

    /// What is to be read, in order.
    pub fn sources(&self) -> Vec<&Word> {
        let positional = self.words.iter().filter(|word| word.is_positional());
        positional.skip(self.command.iter().len()).collect()
    }
}

/// Whether the name of a command that follows options is the command, and not a
/// file of that name: one that is written somewhere or restored.
fn is_command(words: &[Word]) -> bool {
    let reads_one = words.iter().filter(|word| word.is_positional()).count() == 1;
    let has_job = ["output", "overwrite", "no-action", "version"];
    !reads_one || !has_job.iter().any(|option| has_option(words, option))
}

/// Puts what is read behind `--`, where nothing is a command.
fn escape_sources(words: Vec<Word>) -> Vec<Word> {
    let (sources, mut others): (Vec<Word>, Vec<Word>) =
        words.into_iter().partition(Word::is_positional);
    if others.iter().all(|word| word.role != Role::EndOfOptions) {
        others.push(Word {
            text: "--".into(),
            role: Role::EndOfOptions,
        });
    }
    others.extend(sources);
    others
}

/// `help` becomes `--help`, behind the command that help is wanted for.
fn help(words: Vec<Word>, first: usize, declared: &Command) -> Result<Vec<Word>> {
    let option = Word {
        text: "--help".into(),
        role: Role::Options(vec!["help".to_owned()]),
    };
    let topic = words[first + 1..].iter().find(|word| word.is_positional());
    let Some(topic) = topic else {
        return Ok(vec![option]);
    };
    let name = topic.text.to_string_lossy();
    if declared.find_subcommand(&*name).is_some() {
        return Ok(vec![topic.clone(), option]);
    }
    if name == "help" {
        return Ok(vec![option]);
    }
    let similar = match similar_command(&name, declared) {
        Some(similar) => format!("; did you mean '{similar}'?"),
        None => String::new(),
    };
    Err(Error::Usage {
        message: format!("there is no command '{name}'{similar}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, words};

    fn check(typed: &str, expected: &str) {
        let declared = cli::declaration();
        let words = words::read(typed.split(' ').map(OsString::from), &declared);
        let line = Line::new("ntfsclone".into(), words, &declared).unwrap();
        let arranged: Vec<String> = line.arguments()[1..]
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        assert_eq!(arranged.join(" "), expected, "{typed}");
    }

    #[test]
    fn arranges() {
        let table = [
            ("-s -o out v", "-s -o out v"),
            ("verify x", "verify x"),
            ("-q verify x", "verify -q x"),
            ("--json --partition 2 info d", "info --json --partition 2 d"),
            ("-o out map v", "map -o out v"),
            ("-q verify", "verify -q"),
            ("-h verify", "verify -h"),
            // Files of these names.
            ("-o out map", "-o out -- map"),
            ("-r -n info", "-r -n -- info"),
            ("-o out help", "-o out -- help"),
            ("-o out -- map v", "-o out -- map v"),
            // The value of an option.
            ("-o map v", "-o map v"),
            ("help", "--help"),
            ("help help", "--help"),
            ("help info", "info --help"),
            ("-q help map", "map --help"),
        ];
        for (typed, expected) in table {
            check(typed, expected);
        }
    }
}
