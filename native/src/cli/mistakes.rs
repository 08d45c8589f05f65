//! Mistakes that the parser would not see, or would explain by its own rules:
//! what was probably meant is said instead.

use std::path::Path;

use clap::ArgAction;
use clap::{Arg, Command};

use super::line::Line;
use super::words::{Role, Word, has_option};
use crate::error::{Error, Result};
use crate::shell::quoted;

/// One mistake in so many letters is a name that was mistyped; with more, it is
/// another word.
const LETTERS_A_MISTAKE: usize = 4;

/// What other programs call the jobs of this one, and how to have them done.
const OTHER_NAMES: &[(&[&str], &str)] = &[
    (
        &["backup", "create", "image", "save"],
        "to save an image: ntfsclone --save-image -o IMAGE VOLUME",
    ),
    (
        &["extract", "restore"],
        "to restore: ntfsclone --restore-image --overwrite DEVICE IMAGE",
    ),
    (
        &["clone", "copy"],
        "to copy: ntfsclone -o FILE VOLUME, or ntfsclone --overwrite DEVICE VOLUME",
    ),
    (
        &["check", "compare", "fsck", "test", "validate"],
        "to check: ntfsclone verify IMAGE; to compare: ntfsclone verify IMAGE --against VOLUME",
    ),
    (
        &["dir", "list"],
        "to list the files in it: ntfsclone ls IMAGE",
    ),
    (
        &["show", "stat", "status"],
        "to look at an image or volume: ntfsclone info SOURCE",
    ),
    (
        &["recover"],
        "to copy a failing disk: ntfsclone --rescue --mapfile MAP -o FILE DEVICE",
    ),
    (&["version"], "the version: ntfsclone --version"),
];

/// Dashes that text processors and pages make of `-`.
const OTHER_DASHES: &[char] = &[
    '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}', '\u{fe58}',
    '\u{fe63}', '\u{ff0d}',
];

/// Looks for them all, unless the line only asks for help or the version.
pub fn check(line: &Line, declared: &Command) -> Result<()> {
    if has_option(&line.words, "help") || has_option(&line.words, "version") {
        return Ok(());
    }
    let found = dashes(line, declared)
        .or_else(|| empty_name(line))
        .or_else(|| value_without_equals_sign(line, declared))
        .or_else(|| other_command(line, declared))
        .or_else(|| too_many_sources(line, declared));
    match found {
        Some(message) => Err(line.refuse(message)),
        None => Ok(()),
    }
}

impl Line {
    /// The error for this command line.
    pub fn refuse(&self, message: String) -> Error {
        match self.command.clone() {
            None => Error::Usage { message },
            Some(command) => Error::CommandUsage { command, message },
        }
    }
}

/// `-save-image`, and options after dashes of another kind.
fn dashes(line: &Line, declared: &Command) -> Option<String> {
    for word in &line.words {
        let text = word.text.to_string_lossy();
        let (name, is_other) = match word.role {
            Role::Positional if text.starts_with(OTHER_DASHES) && !exists(word) => {
                (text.trim_start_matches(OTHER_DASHES), true)
            }
            Role::Options(_) | Role::UnknownOption if !text.starts_with("--") => {
                (text.trim_start_matches('-'), false)
            }
            _ => continue,
        };
        let meant = match name.chars().count() {
            1 => format!("-{name}"),
            _ => format!("--{name}"),
        };
        if is_other {
            return Some(format!(
                "'{text}' begins with a dash that is not '-', as text processors make it; type {meant}"
            ));
        }
        let is_unknown = word.role == Role::UnknownOption;
        let name = name.split('=').next().unwrap_or_default();
        let is_long = long_names(declared)
            .any(|long| long == name || (is_unknown && name.len() >= 3 && long.starts_with(name)));
        if is_long {
            return Some(format!(
                "'{text}': long options begin with two dashes: {meant}"
            ));
        }
    }
    None
}

/// `--output=`, or an empty variable of a script.
fn empty_name(line: &Line) -> Option<String> {
    let mut before: Option<&Word> = None;
    for word in &line.words {
        match &word.role {
            Role::Value if word.text.is_empty() => {
                let option = before.map_or("an option".into(), |word| word.text.to_string_lossy());
                return Some(format!("the value of {option} is empty"));
            }
            Role::Positional if word.text.is_empty() => {
                return Some("the name of what is to be read is empty".to_owned());
            }
            Role::Options(_) => {
                let text = word.text.to_string_lossy();
                if let Some(option) = text.strip_suffix('=') {
                    return Some(format!("the value of {option} is empty"));
                }
            }
            _ => {}
        }
        before = Some(word);
    }
    None
}

/// `--compress 9`: the value of this option must follow an equals sign, since it
/// may be left out.
fn value_without_equals_sign(line: &Line, declared: &Command) -> Option<String> {
    let pairs = line.words.windows(2);
    let mut next_to_each_other = pairs.filter(|pair| pair[1].is_positional());
    next_to_each_other.find_map(|pair| {
        let option = pair[0].text.to_str()?;
        let name = option.strip_prefix("--")?;
        let argument = arguments(declared).find(|one| one.get_long() == Some(name))?;
        let value = pair[1].text.to_str()?;
        let is_meant = argument.is_require_equals_set()
            && is_value_of(argument, value)
            && (line.sources().len() > 1 || !exists(&pair[1]));
        is_meant.then(|| format!("'{value}' is taken for a file; write {option}={value}"))
    })
}

fn is_value_of(argument: &Arg, value: &str) -> bool {
    let possible = argument.get_possible_values();
    match possible.is_empty() {
        true => value.parse::<u64>().is_ok(),
        false => possible.iter().any(|one| one.matches(value, false)),
    }
}

/// A word that is not a command and looks like one.
fn other_command(line: &Line, declared: &Command) -> Option<String> {
    let sources = line.sources();
    let first = sources.first()?;
    let writes = ["output", "overwrite", "no-action"];
    let is_source =
        sources.len() == 1 && writes.iter().any(|option| has_option(&line.words, option));
    if line.command.is_some() || is_source || exists(first) {
        return None;
    }
    let name = first.text.to_string_lossy();
    let mut others = OTHER_NAMES.iter();
    // A word of other programs is not mistyped: "save" is not "serve".
    if let Some((_, advice)) = others.find(|(names, _)| names.contains(&&*name)) {
        return Some(format!("there is no command '{name}'; {advice}"));
    }
    let similar = similar_command(&name, declared)?;
    Some(format!(
        "there is no command '{name}'; did you mean '{similar}'?"
    ))
}

/// The command that begins so, or whose name differs only in a few letters.
pub fn similar_command(name: &str, declared: &Command) -> Option<String> {
    let commands = || declared.get_subcommands().map(Command::get_name);
    let begins = |command: &&str| name.len() >= 3 && command.starts_with(name);
    let is_mistyped = |command: &&str| {
        strsim::damerau_levenshtein(name, command) <= command.len().div_ceil(LETTERS_A_MISTAKE)
    };
    let similar = commands().find(begins);
    similar
        .or_else(|| commands().find(is_mistyped))
        .map(str::to_owned)
}

/// More to read than the command takes.
fn too_many_sources(line: &Line, declared: &Command) -> Option<String> {
    if line
        .words
        .iter()
        .any(|word| word.role == Role::UnknownOption)
    {
        // That is the mistake: one of them may be its value.
        return None;
    }
    let sources = line.sources();
    let command = match &line.command {
        None => declared,
        Some(name) => declared.find_subcommand(name)?,
    };
    let takes_any = |argument: &clap::Arg| matches!(argument.get_action(), ArgAction::Append);
    if command.get_positionals().any(takes_any) {
        return None;
    }
    let taken = command.get_positionals().count();
    let (first, second) = match &sources[..] {
        [first, second, ..] if taken == 1 => (*first, *second),
        [first, ..] if taken == 0 => {
            let name = first.text.to_string_lossy();
            return Some(format!(
                "{} reads nothing, and '{name}' is named",
                command.get_name()
            ));
        }
        [_, _, third, ..] if taken == 2 => {
            let name = third.text.to_string_lossy();
            return Some(format!(
                "'{name}' is one name too many: {} takes one to read and one to write",
                command.get_name()
            ));
        }
        _ => return None,
    };
    let named = format!(
        "two sources are named, '{}' and '{}'",
        first.text.to_string_lossy(),
        second.text.to_string_lossy()
    );
    let meant = match line.command.as_deref() {
        Some("verify") => format!(
            "to compare them: ntfsclone verify {} --against {}",
            quoted(&first.text),
            quoted(&second.text)
        ),
        Some(name)
            if command
                .get_arguments()
                .all(|one| one.get_long() != Some("output")) =>
        {
            format!("{name} reads one")
        }
        _ if ["output", "overwrite", "no-action"]
            .iter()
            .any(|option| has_option(&line.words, option)) =>
        {
            "one run reads one".to_owned()
        }
        _ => match with_output(line, first, second) {
            Some(meant) => format!("the output goes with -o: {meant}"),
            None => {
                "the output goes with -o if it is new, with --overwrite if it exists".to_owned()
            }
        },
    };
    Some(format!("{named}; {meant}"))
}

/// The line as it was meant: one of the two is the output. `None` where that is a
/// guess and the line would write over something: who pastes it would lose it.
fn with_output(line: &Line, first: &Word, second: &Word) -> Option<String> {
    let is_device = |word: &Word| Path::new(&word.text).starts_with("/dev");
    let restores = has_option(&line.words, "restore-image");
    // As of cp: from the first to the second. But a device is what is saved, or what
    // an image is restored to; and what does not exist is not read.
    let saves = has_option(&line.words, "save-image");
    let is_second_read = match (exists(first), exists(second)) {
        _ if (saves || restores) && is_device(first) != is_device(second) => {
            is_device(second) != restores
        }
        (false, true) => true,
        _ => false,
    };
    let (source, output) = if is_second_read {
        (second, first)
    } else {
        (first, second)
    };
    let option = match (is_device(output), exists(output)) {
        (true, _) if restores && !is_device(source) => "--overwrite",
        (false, false) => "-o",
        _ => return None,
    };
    let mut text = "ntfsclone".to_owned();
    let others = line
        .words
        .iter()
        .filter(|word| !word.is_positional() && word.role != Role::EndOfOptions);
    let command = line.command.iter().map(String::clone);
    for word in command.chain(others.map(|word| quoted(&word.text))) {
        text.push(' ');
        text.push_str(&word);
    }
    Some(format!(
        "{text} {option} {} {}",
        quoted(&output.text),
        quoted(&source.text)
    ))
}

fn exists(word: &Word) -> bool {
    Path::new(&word.text).exists()
}

/// The options of all commands.
pub fn arguments(declared: &Command) -> impl Iterator<Item = &Arg> {
    let all = declared.get_subcommands().chain([declared]);
    all.flat_map(Command::get_arguments)
}

fn long_names(declared: &Command) -> impl Iterator<Item = &str> {
    arguments(declared).filter_map(Arg::get_long)
}
