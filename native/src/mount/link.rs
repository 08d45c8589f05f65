//! Where links lead, as paths in the mount.

use ntfsclone_core::tree::Target;

/// The text of a link in the directory `directory`, a path from the root of the volume.
///
/// A target within the volume is relative, so that it leads there wherever the volume is mounted; `exists` returns
/// whether a path from the root does. Any other is the path as the link has it, in which backslashes lead nowhere: out of
/// the mount lead only absolute links of Linux.
pub(super) fn text(
    target: &Target,
    directory: &str,
    mut exists: impl FnMut(&str) -> bool,
) -> String {
    let is_of_linux = target.path.contains('/') && !target.path.contains('\\');
    let depth = directory.split('/').filter(|name| !name.is_empty()).count();
    if target.is_relative {
        let path = target.path.replace('\\', "/");
        let path = if is_of_linux { &target.path } else { &path };
        return match stays_within(path, depth) {
            true => path.clone(),
            false => target.path.replace('/', "\\"),
        };
    }
    let Some(path) = without_drive(&target.path).filter(|_| !is_of_linux) else {
        return target.path.clone();
    };
    let path = path.replace('\\', "/");
    let path = path.trim_matches('/');
    if !stays_within(path, 0) || !exists(path) {
        return target.path.clone();
    }
    match ("../".repeat(depth), path) {
        (up, "") if up.is_empty() => ".".to_owned(),
        (up, path) => format!("{up}{path}"),
    }
}

/// Whether no part of a relative path is above the root, from a directory of that depth.
fn stays_within(path: &str, depth: usize) -> bool {
    let mut depth = depth;
    path.split('/').all(|name| {
        let next = match name {
            ".." => depth.checked_sub(1),
            "" | "." => Some(depth),
            _ => depth.checked_add(1),
        };
        depth = next.unwrap_or(0);
        next.is_some()
    }) && !path.starts_with('/')
}

/// What follows the letter of a drive: which volume had it is unknown. `None` of other paths, as of a server.
fn without_drive(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(|first: char| first.is_ascii_alphabetic());
    match rest.and_then(|rest| rest.strip_prefix(':')) {
        Some(rest) => Some(rest),
        None => Some(path).filter(|path| path.starts_with('\\') && !path.starts_with("\\\\")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, is_relative: bool, expected: &str) {
        let target = Target {
            path: path.to_owned(),
            is_relative,
        };
        let exists = |path: &str| path != "Missing";
        assert_eq!(text(&target, "/Users/Anna", exists), expected, "{path}");
    }

    #[test]
    fn targets_within_the_volume_are_relative() {
        check("C:\\Program Files\\X", false, "../../Program Files/X");
        check("\\Windows", false, "../../Windows");
        check("D:\\", false, "../../");
        check("..\\Ben\\file", true, "../Ben/file");
        check("../../Data", true, "../../Data");
    }

    #[test]
    fn no_link_of_windows_leads_out_of_the_mount() {
        check("C:\\Missing", false, "C:\\Missing");
        check("\\\\server\\share", false, "\\\\server\\share");
        check("C:\\..\\..\\etc", false, "C:\\..\\..\\etc");
        check("..\\..\\..\\etc", true, "..\\..\\..\\etc");
        check("a\\..\\..\\..\\..\\etc", true, "a\\..\\..\\..\\..\\etc");
        check("../../../etc", true, "..\\..\\..\\etc");
        check("\\etc", true, "\\etc");
        check("/etc", false, "/etc");
    }
}
