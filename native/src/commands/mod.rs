//! The commands: each opens what it reads and writes, and joins them.

mod cat;
mod check_image;
mod convert;
mod copy;
mod copy_target;
mod copying;
mod damage;
mod demo;
mod disk_layout;
mod extract;
mod extract_archive;
pub mod file_tree;
mod generate;
mod info;
mod lost_data;
mod lost_parts;
mod ls;
mod map;
mod metadata;
mod mount;
mod open_volume;
mod rescue;
mod resize;
mod restore;
mod restore_rescue;
mod saved_disk;
mod serve;
mod served_volume;
mod shared_clone;
mod source_check;
mod transfer;
mod used_clusters;
mod verify;
mod whole_disk;

use crate::error::Result;
use crate::options::{Options, Progress, Task};
use crate::original_report;
use crate::report;

pub use open_volume::OpenVolume;

pub fn run(options: Options) -> Result<()> {
    let progress = options.progress;
    let is_original = matches!(
        options.task,
        Task::Copy(_) | Task::Restore(_) | Task::CheckImage(_)
    );
    // Each line is JSON there.
    if is_original && progress != Progress::Json {
        original_report::name();
    }
    if let Some(warning) = options.warning {
        report::warning(warning);
    }
    match options.task {
        Task::Copy(task) => copy::run(&task, progress),
        Task::Restore(task) => restore::run(&task, progress),
        Task::Convert(task) => convert::run(&task, progress),
        Task::ListFormats => convert::list_formats(),
        Task::CheckImage(task) => check_image::run(&task, progress),
        Task::Damage(task) => damage::run(&task, progress),
        Task::Map(task) => map::run(&task, progress),
        Task::Verify(task) => verify::run(&task, progress),
        Task::Info(task) => info::run(&task),
        Task::Serve(task) => serve::run(&task, progress),
        Task::Mount(task) => mount::run(&task, progress),
        Task::Ls(task) => ls::run(&task),
        Task::Cat(task) => cat::run(&task),
        Task::Extract(task) => extract::run(&task, progress),
        Task::Demo => demo::run(),
        Task::Generate(what) => generate::run(what),
    }
}
