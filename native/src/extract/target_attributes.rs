//! Extended attributes of files that are written to a folder.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use super::attributes::{AttributeKind, ExtendedAttribute};
use super::tally::Tally;
use crate::device::{self, Handle};
use crate::report;

/// What extended attributes the target has: all, those of users only, none. It is found out by the first file, and said
/// once.
pub struct TargetAttributes {
    found: AtomicU8,
    /// The folder, for messages.
    target: String,
}

const ALL: u8 = 0;
const USERS: u8 = 1;
const NONE: u8 = 2;

impl TargetAttributes {
    pub fn new(target: String) -> Self {
        Self {
            found: AtomicU8::new(ALL),
            target,
        }
    }

    /// Sets the extended attributes of a file or directory. Names what cannot be set.
    pub fn set(
        &self,
        file: &impl Handle,
        path: &str,
        attributes: &[ExtendedAttribute],
        tally: &Tally,
    ) {
        for attribute in attributes {
            match self.set_one(file, attribute) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    if self.lower_to(NONE) {
                        tally.fail(&self.target, "the target has no extended attributes");
                    }
                }
                Err(error) => {
                    let name = attribute.portable_name();
                    let why = format!("cannot write the extended attribute {name}: {error}");
                    tally.fail(path, why);
                }
                Ok(()) => {}
            }
        }
    }

    fn set_one(&self, file: &impl Handle, attribute: &ExtendedAttribute) -> io::Result<()> {
        let found = self.found.load(Ordering::Relaxed);
        if found == NONE {
            return Ok(());
        }
        if found == ALL && attribute.kind == AttributeKind::System {
            let set = device::set_attribute(file, &attribute.name_on_ntfs(), &attribute.value);
            match set {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                set => return set,
            }
        }
        let set = device::set_attribute(file, &attribute.portable_name(), &attribute.value);
        if set.is_ok() && attribute.kind == AttributeKind::System && self.lower_to(USERS) {
            let (system, user) = (attribute.name_on_ntfs(), attribute.portable_name());
            report::warning(format_args!(
                "{}: this file system has no {system}, it is {user} there",
                self.target
            ));
        }
        set
    }

    /// Whether it was more until now.
    fn lower_to(&self, found: u8) -> bool {
        self.found.fetch_max(found, Ordering::Relaxed) < found
    }
}
