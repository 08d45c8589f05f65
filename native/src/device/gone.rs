//! The error of a device that went away in a rescue.

use std::io;

/// The device was unplugged, or fails even where it could be read before.
#[derive(Debug, thiserror::Error)]
#[error("the device does not answer any more")]
pub struct DeviceGone;

impl DeviceGone {
    pub fn is_cause_of(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|error| error.is::<Self>())
    }
}

impl From<DeviceGone> for io::Error {
    fn from(gone: DeviceGone) -> Self {
        Self::new(io::ErrorKind::NotConnected, gone)
    }
}
