//! The commands: each opens what it reads and writes, and joins them.

mod check_image;
mod copy;
mod copy_target;
mod copying;
mod demo;
mod generate;
mod info;
mod lost_data;
mod map;
mod metadata;
mod open_volume;
mod rescue;
mod restore;
mod restore_rescue;
mod shared_clone;
mod transfer;
mod used_clusters;
mod verify;

use crate::error::Result;
use crate::options::{Options, Task};

pub fn run(options: Options) -> Result<()> {
    let progress = options.progress;
    match options.task {
        Task::Copy(task) => copy::run(&task, progress),
        Task::Restore(task) => restore::run(&task, progress),
        Task::CheckImage(task) => check_image::run(&task, progress),
        Task::Map(task) => map::run(&task, progress),
        Task::Verify(task) => verify::run(&task, progress),
        Task::Info(task) => info::run(&task),
        Task::Demo => demo::run(),
        Task::Generate(what) => generate::run(what),
    }
}
