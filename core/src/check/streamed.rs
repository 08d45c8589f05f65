//! What the checks of images have in common, whatever their format.

use crate::error::Result;

/// A check of an image that comes in pieces of any size.
pub trait StreamedCheck {
    /// Checks the next bytes of the image. Calls `take` with the bytes of the volume in
    /// them, and where they belong.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`](crate::Error::Memory), and what makes an image none of NTFS. All
    /// else is a finding.
    fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(u64, &[u8])) -> Result<()>;

    /// Bytes that were pushed.
    fn pushed(&self) -> u64;

    /// Whether the end of the image has come.
    fn is_complete(&self) -> bool;
}
