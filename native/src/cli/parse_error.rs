//! What the parser refuses, in the words and the form of all other errors.

use std::error::Error as _;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::line::Line;
use super::numbers::Expected;
use super::words::Role;
use crate::error::Error;

/// The error for a line that the parser refuses.
pub fn explain(error: &clap::Error, line: &Line, declared: &Command) -> Error {
    let option = context(error, ContextKind::InvalidArg);
    let name = option_name(&option);
    let message = match error.kind() {
        ErrorKind::UnknownArgument if let Some(option) = option_before(name, line) => {
            format!("the value of '{option}' begins as an option does; write {option}={name}")
        }
        ErrorKind::UnknownArgument => unknown_option(error, name, line, declared),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => wrong_value(error, &option),
        ErrorKind::TooManyValues => format!(
            "'{name}' takes no value, and is given '{}'",
            context(error, ContextKind::InvalidValue)
        ),
        ErrorKind::ArgumentConflict => {
            let other = context(error, ContextKind::PriorArg);
            match option_name(&other) {
                "" => format!("'{name}' stands alone"),
                other if other == name => format!("'{name}' is given more than once"),
                other => format!("'{name}' and '{other}' exclude each other"),
            }
        }
        ErrorKind::MissingRequiredArgument => missing(&option, line, declared),
        ErrorKind::InvalidUtf8 => "a value is not text in UTF-8".to_owned(),
        _ => parsers_words(error),
    };
    line.refuse(message)
}

/// What the parser names, as it does; of several, all.
fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// `--output` of `--output <FILE>`, `--compress` of `--compress[=<LEVEL>]`.
fn option_name(named: &str) -> &str {
    let end = named.find([' ', '[', '=']).unwrap_or(named.len());
    named.get(..end).unwrap_or(named)
}

/// The option whose value this word would be.
fn option_before(name: &str, line: &Line) -> Option<String> {
    let mut pairs = line.words.windows(2);
    let pair = pairs.find(|pair| pair[1].role == Role::Value && pair[1].text == name)?;
    Some(pair[0].text.to_string_lossy().into_owned())
}

fn unknown_option(error: &clap::Error, name: &str, line: &Line, declared: &Command) -> String {
    let owners = owners(name, declared);
    if !owners.is_empty() {
        let command = line.command.as_deref().unwrap_or("a copy or restore");
        return format!(
            "'{name}' is an option of {}, and not of {command}",
            listed(&owners)
        );
    }
    let similar = context(error, ContextKind::SuggestedArg);
    let similar = option_name(&similar);
    let candidates = match name.strip_prefix("--") {
        Some(prefix) => long_names_from(prefix, line, declared),
        None => Vec::new(),
    };
    let meant = match (&candidates[..], similar) {
        ([_, _, ..], _) => return format!("'{name}' may be any of {}", candidates.join(", ")),
        ([], "" | "--") if name == "-v" => "; -V prints the version".to_owned(),
        ([], "" | "--") => String::new(),
        _ => format!("; did you mean '{similar}'?"),
    };
    format!("there is no option '{name}'{meant}")
}

/// `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [names @ .., last] if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        names => names.concat(),
    }
}

/// The commands that have an option.
fn owners(name: &str, declared: &Command) -> Vec<String> {
    let is_it = |argument: &Arg| match name.strip_prefix("--") {
        Some(long) => argument.get_long() == Some(long),
        None => argument.get_short() == name.chars().nth(1),
    };
    let has_it = |command: &Command| command.get_arguments().any(is_it);
    let copy = has_it(declared).then(|| "a copy or restore".to_owned());
    let commands = declared.get_subcommands().filter(|command| has_it(command));
    copy.into_iter()
        .chain(commands.map(|command| command.get_name().to_owned()))
        .collect()
}

/// The options of the command that begin so.
fn long_names_from(prefix: &str, line: &Line, declared: &Command) -> Vec<String> {
    let command = match &line.command {
        Some(name) => declared.find_subcommand(name).unwrap_or(declared),
        None => declared,
    };
    let names = command.get_arguments().filter_map(Arg::get_long);
    let names = names.filter(|name| !prefix.is_empty() && name.starts_with(prefix));
    names.map(|name| format!("--{name}")).collect()
}

fn wrong_value(error: &clap::Error, option: &str) -> String {
    let name = option_name(option);
    let value = context(error, ContextKind::InvalidValue);
    let possible = context(error, ContextKind::ValidValue);
    let expected = error
        .source()
        .and_then(|source| source.downcast_ref::<Expected>());
    let takes = match (expected, &possible[..]) {
        (Some(expected), _) => expected.to_string(),
        (None, "") => match option.split_once('<') {
            Some((_, what)) => format!("a value, {}", what.trim_end_matches(['>', ']'])),
            None => "a value".to_owned(),
        },
        (None, possible) => format!("one of {possible}"),
    };
    match (&value[..], error.kind()) {
        ("", _) => format!("'{name}' needs {takes}"),
        (value, _) => format!("'{name}' takes {takes}, and not '{value}'"),
    }
}

fn missing(named: &str, line: &Line, declared: &Command) -> String {
    let names = named.split(", ");
    let names = names.map(|name| name.trim_start_matches('<').trim_end_matches('>'));
    let what = names.collect::<Vec<_>>().join(" and no ");
    let Some(command) = &line.command else {
        return format!("no {what} is named: what is to be read, a volume or an image");
    };
    let positionals = declared.find_subcommand(command);
    let positionals = positionals.into_iter().flat_map(Command::get_positionals);
    let names: Vec<&str> = positionals
        .flat_map(|argument| argument.get_value_names().unwrap_or_default())
        .map(|name| name.as_str())
        .collect();
    let message = format!(
        "no {what} is named: ntfsclone {command} [OPTIONS] {}",
        names.join(" ")
    );
    match Path::new(command).exists() {
        true => format!("{message}; the file of the name {command} is ./{command}"),
        false => message,
    }
}

/// The first line of what the parser prints itself.
fn parsers_words(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
