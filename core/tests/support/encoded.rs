//! An image made by the encoder.

use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::units::Lcn;
use ntfsclone_core::write::{Encode, NtfscloneEncoder};

pub(crate) struct Encoded {
    header: Header,
    encoder: NtfscloneEncoder,
    image: Vec<u8>,
}

impl Encoded {
    pub(crate) fn new(header: &Header) -> Self {
        Self {
            header: *header,
            encoder: NtfscloneEncoder::new(header),
            image: Vec::new(),
        }
    }

    pub(crate) fn clusters(&mut self, start: Lcn, data: &[u8]) {
        let offset = start.0 * u64::from(self.header.cluster_size);
        let encoded = self.encoder.data(offset, data, &mut self.image);
        encoded.unwrap();
    }

    /// Ends the image with its tail.
    pub(crate) fn tail(mut self, data: &[u8]) -> Vec<u8> {
        let offset = self.header.volume_size();
        let encoded = self.encoder.data(offset, data, &mut self.image);
        encoded.unwrap();
        self.encoder.finish(&mut self.image).unwrap();
        self.image
    }
}
