//! Names of files, as the kernel takes them.

use ntfsclone_core::tree::Entry;

/// The name that a file has in the mount. One that no file of this system can have, such as `..`, or with a slash
/// in it, is replaced by the number of its record.
pub(super) fn shown(entry: &Entry) -> String {
    let name = entry.name.to_string();
    match is_possible(&name) {
        true => name,
        false => format!("[record {}]", entry.reference.record),
    }
}

/// The entry that is shown by this name because its own is not possible.
pub(super) fn find_replaced<'e>(entries: &'e [Entry], name: &str) -> Option<&'e Entry> {
    let number = name.strip_prefix("[record ")?.strip_suffix(']')?;
    let number: u64 = number.parse().ok()?;
    entries
        .iter()
        .find(|entry| entry.reference.record.0 == number && !is_possible(&entry.name.to_string()))
}

/// The name of the extended attribute of a named stream; `None` if there can be none.
pub(super) fn attribute_of_stream(stream: &str) -> Option<String> {
    // A limit of Linux: XATTR_NAME_MAX.
    const MAX_BYTES: usize = 255;
    let name = format!("user.{stream}");
    let is_possible = name.len() <= MAX_BYTES && !name.contains('\0');
    is_possible.then_some(name)
}

fn is_possible(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}
