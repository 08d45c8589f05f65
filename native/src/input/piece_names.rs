//! Names of the pieces of a file that was split: `x.aa`, `x.ab`, ..., as split
//! and Clonezilla make them; `x.00` and `x.000` (split -d); `x.001` (7-Zip,
//! HJSplit).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// How the first piece ends, in the order in which they are looked for.
const FIRST: [&str; 8] = ["aa", "aaa", "aaaa", "00", "000", "0000", "001", "0001"];

/// How far behind a missing piece others are looked for: other files may have
/// names that look like it.
const LOOKED_AT: usize = 16;

/// The files to be read as one where `path` is named: itself, if it is no
/// piece; all pieces, if it is the first of them, or the name that they were
/// split from.
///
/// # Errors
///
/// It is another piece than the first, or one is missing.
pub fn of(path: &Path) -> Result<Vec<PathBuf>> {
    of_existing(path, &|path| path.exists())
}

fn of_existing(path: &Path, exists: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    if !exists(path) {
        let mut firsts = FIRST.iter().map(|suffix| with_suffix(path, suffix));
        return match firsts.find(|first| exists(first)) {
            Some(first) => pieces(&first, exists),
            // To be told that it is not there.
            None => Ok(vec![path.to_owned()]),
        };
    }
    if let Some(first) = first_before(path, exists) {
        return Err(Error::refused(
            path,
            "is a piece of a file, and not the first",
            format!("name the first: {}", first.display()),
        ));
    }
    match suffix_of(path) {
        Some(suffix) if FIRST.contains(&suffix) => pieces(path, exists),
        _ => Ok(vec![path.to_owned()]),
    }
}

/// All pieces from the first on.
fn pieces(first: &Path, exists: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = vec![first.to_owned()];
    let mut suffix = suffix_of(first).unwrap_or_default().to_owned();
    let name = |suffix: &str| first.with_extension(suffix);
    let next = loop {
        let next = following(&suffix);
        let Some(there) = next.iter().find(|next| exists(&name(next))) else {
            break next.into_iter().next();
        };
        found.push(name(there));
        suffix.clone_from(there);
    };
    let Some(missing) = next else {
        return Ok(found);
    };
    let mut later = missing.clone();
    for _ in 0..LOOKED_AT {
        let Some(next) = following(&later).into_iter().next() else {
            break;
        };
        if exists(&name(&next)) {
            return Err(Error::refused(
                &name(&missing),
                format!("is missing, but {} is there", name(&next).display()),
                "all pieces must be in one folder, under the names they were given",
            ));
        }
        later = next;
    }
    Ok(found)
}

/// The first piece of the set that `path` is a later piece of.
fn first_before(path: &Path, exists: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let suffix = suffix_of(path)?;
    let firsts = FIRST
        .iter()
        .map(|first| (first, path.with_extension(first)));
    let mut firsts = firsts
        .filter(|(first, name)| first.len() == suffix.len() && *first < &suffix && exists(name));
    // .gz is no piece because there is a file .aa.
    let before = preceding(suffix)?;
    firsts
        .next()
        .map(|(_, name)| name)
        .filter(|_| exists(&path.with_extension(before)))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// What numbers a piece: letters or digits after the last dot.
fn suffix_of(path: &Path) -> Option<&str> {
    let suffix = path.extension()?.to_str()?;
    let is_number = |alphabet: &[u8; 2]| {
        let [first, last] = *alphabet;
        suffix.bytes().all(|byte| (first..=last).contains(&byte))
    };
    (suffix.len() >= 2 && (is_number(b"az") || is_number(b"09"))).then_some(suffix)
}

/// The first and the last of the signs that the suffix consists of.
fn alphabet(suffix: &str) -> (u8, u8) {
    match suffix.as_bytes().first() {
        Some(b'0'..=b'9') => (b'0', b'9'),
        _ => (b'a', b'z'),
    }
}

/// What may follow a suffix: the next number; and, as split goes on when it was
/// not told how long suffixes are to be, a longer one: `yz`, `zaaa`. After
/// `999`, others have `1000`.
fn following(suffix: &str) -> Vec<String> {
    let (first, last) = alphabet(suffix);
    let mut found = Vec::new();
    let mut next = suffix.as_bytes().to_vec();
    let is_last = next.iter().all(|&byte| byte == last);
    if !is_last {
        for byte in next.iter_mut().rev() {
            if *byte != last {
                *byte += 1;
                break;
            }
            *byte = first;
        }
        found.push(next);
    } else if first == b'0' {
        next.fill(first);
        next.insert(0, b'1');
        found.push(next);
    }
    let bytes = suffix.as_bytes();
    let lasts = bytes.iter().take_while(|&&byte| byte == last).count();
    let is_widened = bytes.len() == 2 * (lasts + 1)
        && bytes[lasts] == last - 1
        && bytes[lasts + 1..].iter().all(|&byte| byte == last);
    if is_widened {
        let mut longer = vec![last; lasts + 1];
        longer.resize(bytes.len() + 2, first);
        found.push(longer);
    }
    found
        .into_iter()
        .filter_map(|bytes| String::from_utf8(bytes).ok())
        .collect()
}

/// The number before, of the same length.
fn preceding(suffix: &str) -> Option<String> {
    let (first, last) = alphabet(suffix);
    let mut before = suffix.as_bytes().to_vec();
    for byte in before.iter_mut().rev() {
        if *byte != first {
            *byte -= 1;
            return String::from_utf8(before).ok();
        }
        *byte = last;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read where `named` is, of these files; or what is said.
    fn check(there: &str, named: &str, expected: &str) {
        let there: Vec<&Path> = there.split(' ').map(Path::new).collect();
        let found = of_existing(Path::new(named), &|path| there.contains(&path));
        let found = match found {
            Ok(names) => {
                let names = names.iter().map(|name| name.to_str().unwrap());
                names.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{named} of {there:?}");
    }

    #[test]
    fn sets() {
        let table = [
            ("x.img", "x.img", "x.img"),
            ("x.img", "y.img", "y.img"),
            ("x.aa", "x.aa", "x.aa"),
            ("x.aa x.ab x.ac", "x.aa", "x.aa x.ab x.ac"),
            ("x.aa x.ab x.ac", "x", "x.aa x.ab x.ac"),
            ("x x.aa x.ab", "x", "x"),
            ("d/x.aaa d/x.aab", "d/x.aaa", "d/x.aaa d/x.aab"),
            ("x.00 x.01 x.02", "x.00", "x.00 x.01 x.02"),
            ("x.000 x.001", "x", "x.000 x.001"),
            ("x.001 x.002", "x.001", "x.001 x.002"),
            ("x.gz.aa x.gz.ab", "x.gz", "x.gz.aa x.gz.ab"),
            // Other files beside them.
            ("x.aa x.ab x.gz", "x.aa", "x.aa x.ab"),
            ("x.aa x.gz", "x.gz", "x.gz"),
            ("x.aaa x.img", "x.img", "x.img"),
            ("y.aa z.ab", "y.aa", "y.aa"),
            ("x.1 x.2", "x.1", "x.1"),
            // Copies of several days have such names.
            ("x.01 x.02", "x.01", "x.01"),
            ("x.01 x.02", "x.02", "x.02"),
            (
                "x.aa x.ab x.ac",
                "x.ab",
                "x.ab: is a piece of a file, and not the first",
            ),
            (
                "x.000 x.001",
                "x.001",
                "x.001: is a piece of a file, and not the first",
            ),
            (
                "x.001 x.002",
                "x.002",
                "x.002: is a piece of a file, and not the first",
            ),
            (
                "x.aa x.ab x.ad",
                "x.aa",
                "x.ac: is missing, but x.ad is there",
            ),
            ("x.001 x.005", "x", "x.002: is missing, but x.005 is there"),
        ];
        for (there, named, expected) in table {
            check(there, named, expected);
        }
    }

    #[test]
    fn suffixes() {
        let table: [(&str, &[&str]); 10] = [
            ("aa", &["ab"]),
            ("az", &["ba"]),
            ("yz", &["za", "zaaa"]),
            ("zz", &[]),
            ("zyzz", &["zzaa", "zzaaaa"]),
            ("09", &["10"]),
            ("89", &["90", "9000"]),
            ("9899", &["9900", "990000"]),
            ("999", &["1000"]),
            ("001", &["002"]),
        ];
        for (suffix, expected) in table {
            assert_eq!(following(suffix), expected, "{suffix}");
        }
    }
}
