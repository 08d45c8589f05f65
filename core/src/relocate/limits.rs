//! What a volume in another size needs, and loses.

use alloc::vec::Vec;

use super::loss::Loss;

/// What a volume in another size needs, and loses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ResizeLimits {
    /// Bytes of the volume as it is, with its backup boot sector.
    pub size: u64,
    /// The least that it can have.
    pub least_size: u64,
    /// What does not survive another size.
    pub losses: Vec<Loss>,
}

#[cfg(feature = "serde")]
impl ResizeLimits {
    /// For programs.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Memory`].
    pub fn to_json(&self) -> crate::Result<alloc::string::String> {
        crate::info::to_json(self)
    }
}
