//! Blobs that follow each other in a source, read synchronously. Only workers can do that.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::{Blob, FileReaderSync};

/// Bytes that are read in one call where long reads follow each other. In Chromium a call takes 2 ms, and 1 ms more for
/// each MiB: 500 MiB took 0.85 s in calls of 4 MiB, and 0.5 s in calls of 16 MiB.
const READ_AHEAD: u64 = 16 << 20;

/// Shorter reads are rarely followed by the next.
const LONG: usize = 1 << 20;

/// Reads Blobs as one source.
pub(crate) struct BlobReader {
    reader: FileReaderSync,
    blobs: Vec<Placed>,
    /// Where the last read ended.
    last_end: u64,
    /// What was read and not asked for yet; empty if there is nothing.
    ahead: Ahead,
}

struct Placed {
    blob: Blob,
    /// In the source.
    start: u64,
    end: u64,
}

struct Ahead {
    bytes: Uint8Array,
    start: u64,
}

impl Ahead {
    fn of(start: u64, bytes: Uint8Array) -> Self {
        Self { bytes, start }
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.length().into())
    }
}

impl BlobReader {
    /// Without Blobs yet. `None` where nothing can be read synchronously: outside of workers.
    pub(crate) fn new() -> Option<Self> {
        Some(Self {
            reader: FileReaderSync::new().ok()?,
            blobs: Vec::new(),
            last_end: 0,
            ahead: Ahead::of(0, Uint8Array::default()),
        })
    }

    /// Adds the Blob that has the next bytes.
    pub(crate) fn add(&mut self, blob: Blob) {
        let start = self.blobs.last().map_or(0, |last| last.end);
        let end = start.saturating_add(blob.size() as u64);
        self.blobs.push(Placed { blob, start, end });
    }

    /// Reads `len` bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// What the browser threw; or null if there are fewer bytes, or there is no memory for them.
    pub(crate) fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, JsValue> {
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| JsValue::NULL)?;
        let follows = offset == self.last_end && len >= LONG;
        let mut filled = 0;
        while filled < len {
            let position = offset.saturating_add(filled as u64);
            let missing = len.saturating_sub(filled);
            if position < self.ahead.start || position >= self.ahead.end() {
                let most = if follows { READ_AHEAD } else { missing as u64 };
                self.ahead = Ahead::of(position, self.read_blob(position, most)?);
            }
            let from = (position.saturating_sub(self.ahead.start)) as u32;
            let to = from
                .saturating_add(missing as u32)
                .min(self.ahead.bytes.length());
            let part = self.ahead.bytes.subarray(from, to);
            let free = bytes.spare_capacity_mut();
            let count = part.length() as usize;
            let space = free.get_mut(..count).ok_or(JsValue::NULL)?;
            part.copy_to_uninit(space);
            filled = filled.saturating_add(count);
            // SAFETY: there is capacity for `len` bytes, and so many of them were just written.
            unsafe { bytes.set_len(filled) };
        }
        self.last_end = offset.saturating_add(len as u64);
        if self.last_end >= self.ahead.end() {
            // Its memory is the browser's again, before as much is read.
            self.ahead = Ahead::of(0, Uint8Array::default());
        }
        Ok(bytes)
    }

    /// Reads at most `most` bytes, to the end of the Blob that they begin in.
    fn read_blob(&self, offset: u64, most: u64) -> Result<Uint8Array, JsValue> {
        let found = self
            .blobs
            .iter()
            .find(|it| it.start <= offset && offset < it.end);
        let found = found.ok_or(JsValue::NULL)?;
        let end = offset.saturating_add(most).min(found.end);
        let [from, to] = [offset, end].map(|position| position.saturating_sub(found.start) as f64);
        let part = found.blob.slice_with_f64_and_f64(from, to)?;
        let bytes = Uint8Array::new(&self.reader.read_as_array_buffer(&part)?.into());
        // No read may be endless.
        if bytes.length() == 0 || u64::from(bytes.length()) > most {
            return Err(JsValue::NULL);
        }
        Ok(bytes)
    }
}
