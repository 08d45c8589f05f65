//! Files of a volume, written to a folder: which ([`Selection`], [`Picker`]), where ([`Folder`]), and each of them
//! ([`Writer`]).

mod folder;
mod link_target;
mod part_file;
mod picker;
mod selection;
mod target_name;
mod writer;

pub use folder::Folder;
pub use link_target::link_target;
pub use picker::{Level, Picked, Picker};
pub use selection::Selection;
pub use writer::{Job, Writer, times_of};
