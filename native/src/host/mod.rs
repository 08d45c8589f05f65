//! The process around a command: threads, memory, signals, progress.

pub mod background;
pub mod bar;
pub mod memory;
pub mod percent;
pub mod progress;
pub mod scan;
pub mod signals;
pub mod threads;
