//! The disk as it is, with zeros where nothing is written, and perhaps a footer.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::units::len_u64;
use crate::write::{Encode, Out, Stopped};

/// Encodes a disk as it is.
pub(crate) struct WholeDisk {
    size: u64,
    /// Follows the disk.
    footer: Vec<u8>,
    /// Bytes so far.
    position: u64,
}

impl WholeDisk {
    /// An encoder of a disk of `size` bytes. `footer` follows the disk.
    pub(crate) fn boxed(size: u64, footer: Vec<u8>) -> Box<dyn Encode + Send> {
        Box::new(Self {
            size,
            footer,
            position: 0,
        })
    }

    fn fill_to(&mut self, end: u64, out: &mut dyn Out) -> Result<(), Stopped> {
        let zeros = end.saturating_sub(self.position);
        self.position = self.position.saturating_add(zeros);
        match zeros {
            0 => Ok(()),
            _ => out.zeros(zeros),
        }
    }
}

impl Encode for WholeDisk {
    fn data(&mut self, offset: u64, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped> {
        self.fill_to(offset, out)?;
        self.position = self.position.saturating_add(len_u64(bytes.len()));
        out.put(bytes)
    }

    fn finish(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        self.fill_to(self.size, out)?;
        out.put(&self.footer)
    }
}
