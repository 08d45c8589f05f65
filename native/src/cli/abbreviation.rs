//! Abbreviated options keep the meaning they have in the original.
//!
//! Long options may be shortened to any prefix that is unambiguous. Each
//! option we add could make a prefix ambiguous that scripts use, so prefixes
//! are first looked up among the original's options alone.

use std::ffi::{OsStr, OsString};

/// The long options of the original (2022.10.3).
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

/// The options, ours included, whose value may be the next argument.
const SHORT_WITH_VALUE: &[char] = &['o', 'O'];
pub const LONG_WITH_VALUE: &[&str] = &[
    "against",
    "format",
    "generate",
    "map",
    "mapfile",
    "note",
    "output",
    "overwrite",
    "partition",
    "progress",
    "reflink",
    "report",
    "retries",
    "threads",
];

/// Writes abbreviated options of the original in full. Everything else, values
/// of options among it, stays as it is.
pub fn expand(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut expanded: Vec<OsString> = arguments.next().into_iter().collect();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            expanded.push(argument);
            break;
        }
        let argument = expand_one(argument);
        let takes_next = takes_next(&argument);
        expanded.push(argument);
        if takes_next {
            expanded.extend(arguments.next());
        }
    }
    expanded.extend(arguments);
    expanded
}

fn expand_one(argument: OsString) -> OsString {
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

fn takes_next(argument: &OsStr) -> bool {
    let Some(text) = argument.to_str() else {
        return false;
    };
    match (text.strip_prefix("--"), text.strip_prefix('-')) {
        (Some(long), _) => LONG_WITH_VALUE.contains(&long),
        // Only the last of combined letters can do without its value.
        (None, Some(short)) => short
            .find(SHORT_WITH_VALUE)
            .is_some_and(|at| at + 1 == short.len()),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: &str) {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(expand(words(typed)), words(expected), "{typed}");
    }

    #[test]
    fn expands() {
        let table = [
            // ambiguous among ours (--progress), not among the original's
            ("x --pr v", "x --preserve-timestamps v"),
            ("x --s --in v", "x --save-image --in v"),
            ("x --outp=a v", "x --output=a v"),
            ("x --outp --sa v", "x --output --sa v"),
            ("x -o --sa v", "x -o --sa v"),
            ("x --reflink --sa v", "x --reflink --sa v"),
            ("x -so --sa v", "x -so --sa v"),
            ("x -ofile --sa v", "x -ofile --save-image v"),
            ("x -- --sa", "x -- --sa"),
            // ambiguous in the original
            ("x --re v", "x --re v"),
            ("x --new v", "x --new v"),
            ("x --save-image - v", "x --save-image - v"),
            ("x -r - --i v", "x -r - --ignore-fs-check v"),
        ];
        for (typed, expected) in table {
            check(typed, expected);
        }
    }
}
