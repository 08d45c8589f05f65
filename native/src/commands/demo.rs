//! A tour with a small volume that comes with the program.

use crate::error::Result;

pub fn run() -> Result<()> {
    Ok(())
}
