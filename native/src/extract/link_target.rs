//! Where a symbolic link of the target leads: to what the link or junction on the volume leads to.

use ntfsclone_core::tree::{Lookup, Target};

use crate::commands::file_tree::FileTree;
use crate::error::Result;

/// The target of a link in the directory at `parent`, relative to that; `None` if it leads out of the volume, or to
/// another. Each `..` is at its start, so that no other link can lead it out of the folder that is written to.
/// `name_of` makes the names of the target.
pub fn link_target(
    files: &mut FileTree,
    target: &Target,
    parent: &str,
    name_of: impl Fn(&str) -> String,
) -> Result<Option<String>> {
    let Some((names, must_exist)) = names_of(target, parent) else {
        return Ok(None);
    };
    let path = format!("/{}", names.join("/"));
    let names: Vec<String> = match files.lookup(&path)? {
        // The case of names counts on the target.
        Lookup::Found(located) => components(&located.path).map(str::to_owned).collect(),
        Lookup::Missing { .. } if must_exist => return Ok(None),
        Lookup::Missing { .. } => names,
    };
    let parent: Vec<&str> = components(parent).collect();
    let same = names
        .iter()
        .zip(&parent)
        .take_while(|(one, other)| one == other)
        .count();
    let up = parent[same..].iter().map(|_| "..".to_owned());
    let down = names[same..].iter().map(|name| name_of(name));
    let path: Vec<String> = up.chain(down).collect();
    Ok(Some(match path.is_empty() {
        true => ".".to_owned(),
        false => path.join("/"),
    }))
}

/// The names on the way from the root of the volume, and whether they must be there for the target to be on this
/// volume: a drive letter may be that of any.
fn names_of(target: &Target, parent: &str) -> Option<(Vec<String>, bool)> {
    let path = target.path.strip_prefix("\\??\\").unwrap_or(&target.path);
    let (mut names, path, must_exist) = if !target.is_relative {
        let letter = path.as_bytes().first()?;
        let rest = path.get(1..)?.strip_prefix(':')?;
        if !letter.is_ascii_alphabetic() || !(rest.is_empty() || rest.starts_with('\\')) {
            return None;
        }
        (Vec::new(), rest, true)
    } else if path.starts_with(['\\', '/']) {
        (Vec::new(), path, false)
    } else {
        let names = components(parent).map(str::to_owned).collect();
        (names, path, false)
    };
    for component in path.split(['\\', '/']) {
        match component {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name.to_owned()),
        }
    }
    Some((names, must_exist))
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_of_the_volume_is_no_target() {
        let table = [
            ("..\\b", true, Some("b")),
            ("b\\..\\..\\c", true, Some("c")),
            ("..\\..\\etc", true, None),
            ("\\Windows", true, Some("Windows")),
            ("C:\\Users", false, Some("Users")),
            ("\\??\\C:\\Users", false, Some("Users")),
            ("C:", false, Some("")),
            ("\\\\server\\share", false, None),
            ("Volume{1234}\\", false, None),
            ("/etc/passwd", false, None),
        ];
        for (path, is_relative, expected) in table {
            let path = path.to_owned();
            let target = Target { path, is_relative };
            let names = names_of(&target, "/a").map(|(names, _)| names.join("/"));
            assert_eq!(names.as_deref(), expected, "{target:?}");
        }
    }
}
