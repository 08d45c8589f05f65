//! What the process around a command has: threads, memory, signals, a terminal.

pub mod bar;
pub mod memory;
pub mod percent;
pub mod progress;
pub mod scan;
pub mod signals;
pub mod threads;
