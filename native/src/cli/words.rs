//! The words of a command line, and what each of them is: an option, the value
//! of one, or something to read. Known from the declaration of all commands, so
//! that mistakes can be explained before and after the parser has refused them.

use std::ffi::OsString;

/// The long options of the original (2022.10.3).
///
/// Long options may be shortened to any prefix that is unambiguous. Each
/// option we add could make a prefix ambiguous that scripts use, so prefixes
/// are first looked up among the original's options alone.
pub const ORIGINAL_OPTIONS: &[&str] = &[
    "force",
    "full-logfile",
    "help",
    "ignore-fs-check",
    "metadata",
    "new-half-serial",
    "new-serial",
    "no-action",
    "output",
    "overwrite",
    "preserve-timestamps",
    "quiet",
    "rescue",
    "restore-image",
    "save-image",
    "version",
];

/// A word of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As typed; abbreviations of the original's options are written in full.
    pub text: OsString,
    pub role: Role,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// One option, or several short ones in one word: their long names.
    Options(Vec<String>),
    /// It begins as an option does, and is none.
    UnknownOption,
    /// The value of the option before it.
    Value,
    /// Anything else: a command, or what is read.
    Positional,
    /// `--`: only positional words follow.
    EndOfOptions,
}

/// An option of any command.
struct Known {
    long: String,
    short: Option<char>,
    /// Its value may be the next word.
    takes_next: bool,
}

/// Finds out what the words after the program's name are. The names of options
/// have one meaning in all commands, but for those of a command that is named first.
pub fn read(arguments: impl IntoIterator<Item = OsString>, command: &clap::Command) -> Vec<Word> {
    let mut arguments = arguments.into_iter().peekable();
    let named = arguments.peek().and_then(|first| first.to_str());
    let named = named.and_then(|name| command.find_subcommand(name));
    let known = known_options(command, named);
    let mut words = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            words.push(Word::new(argument, Role::EndOfOptions));
            break;
        }
        let argument = expand(argument);
        let (role, takes_next) = role_of(&argument.to_string_lossy(), &known);
        words.push(Word::new(argument, role));
        if takes_next {
            let value = arguments.next();
            words.extend(value.map(|value| Word::new(value, Role::Value)));
        }
    }
    words.extend(arguments.map(|argument| Word::new(argument, Role::Positional)));
    words
}

impl Word {
    fn new(text: OsString, role: Role) -> Self {
        Self { text, role }
    }

    pub fn is_positional(&self) -> bool {
        self.role == Role::Positional
    }

    /// The long names of the options that it is.
    pub fn options(&self) -> &[String] {
        match &self.role {
            Role::Options(names) => names,
            _ => &[],
        }
    }
}

/// Whether one of the words is this option.
pub fn has_option(words: &[Word], long: &str) -> bool {
    let mut options = words.iter().flat_map(Word::options);
    options.any(|name| name == long)
}

/// The options of all commands, those of `named` first.
fn known_options(command: &clap::Command, named: Option<&clap::Command>) -> Vec<Known> {
    let others = [command].into_iter().chain(command.get_subcommands());
    let all = named.into_iter().chain(others);
    let options = all.flat_map(clap::Command::get_arguments);
    options
        .filter_map(|option| {
            Some(Known {
                long: option.get_long()?.to_owned(),
                short: option.get_short(),
                takes_next: option.get_action().takes_values() && !option.is_require_equals_set(),
            })
        })
        .collect()
}

/// Writes an abbreviated option of the original in full.
fn expand(argument: OsString) -> OsString {
    let Some(name) = argument.to_str().and_then(|text| text.strip_prefix("--")) else {
        return argument;
    };
    let (prefix, value) = match name.split_once('=') {
        Some((prefix, value)) => (prefix, Some(value)),
        None => (name, None),
    };
    let mut candidates = ORIGINAL_OPTIONS
        .iter()
        .filter(|option| option.starts_with(prefix));
    match (candidates.next(), candidates.next(), value) {
        (Some(option), None, None) => format!("--{option}").into(),
        (Some(option), None, Some(value)) => format!("--{option}={value}").into(),
        _ => argument,
    }
}

/// What a word is that is no value, and whether the next one is its value.
fn role_of(text: &str, known: &[Known]) -> (Role, bool) {
    if let Some(long) = text.strip_prefix("--") {
        let (name, has_value) = match long.split_once('=') {
            Some((name, _)) => (name, true),
            None => (long, false),
        };
        return match find_long(name, known) {
            Some(option) => {
                let takes_next = option.takes_next && !has_value;
                (Role::Options(vec![option.long.clone()]), takes_next)
            }
            None => (Role::UnknownOption, false),
        };
    }
    match text.strip_prefix('-') {
        None | Some("") => (Role::Positional, false),
        Some(letters) => role_of_letters(letters, known),
    }
}

/// The option of this name, or the only one that begins with it.
fn find_long<'a>(name: &str, known: &'a [Known]) -> Option<&'a Known> {
    if let Some(exact) = known.iter().find(|option| option.long == name) {
        return Some(exact);
    }
    let mut found = known.iter().filter(|option| option.long.starts_with(name));
    let first = found.next()?;
    found.all(|other| other.long == first.long).then_some(first)
}

/// Short options in one word, the last of which may have its value in it.
fn role_of_letters(letters: &str, known: &[Known]) -> (Role, bool) {
    let mut names = Vec::new();
    for (at, letter) in letters.char_indices() {
        let Some(option) = known.iter().find(|option| option.short == Some(letter)) else {
            return (Role::UnknownOption, false);
        };
        names.push(option.long.clone());
        if option.takes_next {
            let is_last = at + letter.len_utf8() == letters.len();
            return (Role::Options(names), is_last);
        }
    }
    (Role::Options(names), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    fn words_of(typed: &str) -> Vec<Word> {
        let command = cli::declaration();
        read(typed.split(' ').map(OsString::from), &command)
    }

    fn check(typed: &str, expected: &str) {
        let texts: Vec<OsString> = words_of(typed).into_iter().map(|word| word.text).collect();
        let expected: Vec<OsString> = expected.split(' ').map(OsString::from).collect();
        assert_eq!(texts, expected, "{typed}");
    }

    #[test]
    fn expands() {
        let table = [
            // ambiguous among ours (--progress), not among the original's
            ("--pr v", "--preserve-timestamps v"),
            ("--s --in v", "--save-image --in v"),
            ("--outp=a v", "--output=a v"),
            ("--outp --sa v", "--output --sa v"),
            ("-o --sa v", "-o --sa v"),
            ("--reflink --sa v", "--reflink --sa v"),
            ("-so --sa v", "-so --sa v"),
            ("-ofile --sa v", "-ofile --save-image v"),
            ("-- --sa", "-- --sa"),
            // ambiguous in the original
            ("--re v", "--re v"),
            ("--new v", "--new v"),
            ("--save-image - v", "--save-image - v"),
            ("-r - --i v", "-r - --ignore-fs-check v"),
        ];
        for (typed, expected) in table {
            check(typed, expected);
        }
    }

    #[test]
    fn roles_of_words() {
        let options = |names: &[&str]| {
            let names = names.iter().map(ToString::to_string);
            Role::Options(names.collect())
        };
        let table = [
            ("v", vec![Role::Positional]),
            ("-", vec![Role::Positional]),
            ("-sq", vec![options(&["save-image", "quiet"])]),
            (
                "-so out",
                vec![options(&["save-image", "output"]), Role::Value],
            ),
            ("-oout", vec![options(&["output"])]),
            ("--output=out", vec![options(&["output"])]),
            ("--part 2", vec![options(&["partition"]), Role::Value]),
            // Its value must follow an equals sign.
            (
                "--compress 9",
                vec![options(&["compress"]), Role::Positional],
            ),
            ("-sx", vec![Role::UnknownOption]),
            ("--re", vec![Role::UnknownOption]),
            ("-- -o", vec![Role::EndOfOptions, Role::Positional]),
        ];
        for (typed, expected) in table {
            let roles: Vec<Role> = words_of(typed).into_iter().map(|word| word.role).collect();
            assert_eq!(roles, expected, "{typed}");
        }
    }

    /// What `convert` writes is positional, so its `--overwrite` has no value.
    #[test]
    fn options_of_a_command_that_is_named_first_are_its_own() {
        let values = |typed| {
            let words = words_of(typed);
            let values = words.into_iter().filter(|word| word.role == Role::Value);
            values.map(|word| word.text).collect::<Vec<_>>()
        };
        assert_eq!(values("convert -O a b"), [""; 0]);
        assert_eq!(values("convert a --over b"), [""; 0]);
        assert_eq!(values("convert --to raw a b"), ["raw"]);
        assert_eq!(values("-O a convert"), ["a"]);
        assert_eq!(values("--overwrite a b"), ["a"]);
    }

    #[test]
    fn names_of_options_have_one_meaning() {
        let command = cli::declaration();
        let mut known = known_options(&command, None);
        known.retain(|option| option.long != "overwrite");
        for one in &known {
            for other in known.iter().filter(|other| other.long == one.long) {
                assert_eq!(one.takes_next, other.takes_next, "--{}", one.long);
                assert_eq!(one.short, other.short, "--{}", one.long);
            }
        }
    }
}
