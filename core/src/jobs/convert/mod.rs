//! Converting an image or volume to another form, in order from its start to its
//! end: into a file, a download or a stream.

mod compressed;
mod copy;
mod encoded;
mod metadata;
mod output;
mod pass;
mod remains;
mod resize;
mod unpack;
mod whole_disk;

use alloc::boxed::Box;
use alloc::sync::Arc;

pub use self::compressed::Compression;
use self::compressed::Compressor;
use self::copy::{Copy, copy_stored};
use self::output::{Form, Output};
use self::pass::pass_image;
pub use self::resize::NewSize;
use self::resize::{losses, resize};
use self::unpack::unpack_image;
use super::job::{Co, Job};
use super::locate::locate;
use super::opened::Opened;
use super::scan::piece_len;
use super::used::{Counted, used};
use super::{Failure, Refusal, first_absent_in};
use crate::image::ntfsclone::{Event, HEADER_SIZE, Header};
use crate::image::partclone;
use crate::info::Format;
use crate::io::{ReadAt, Source};
use crate::ntfs::VolumeInfo;
use crate::ntfs::volume_info::DIRTY;
use crate::open::Inside;
use crate::units::len_usize;
use crate::write::{Conversion, METADATA, NTFSCLONE};

impl Opened {
    /// Converts it, and compresses the result if requested: [`Step::Resized`] if the volume gets
    /// another size, [`Step::Size`] if that is known, [`Step::Bytes`] and [`Step::Hole`].
    ///
    /// # Errors
    ///
    /// [`Refusal::Target`]: there is no such level, an image of an old version would be compressed
    /// as it is, or metadata alone would get another size.
    ///
    /// [`Step::Bytes`]: super::Step::Bytes
    /// [`Step::Hole`]: super::Step::Hole
    /// [`Step::Resized`]: super::Step::Resized
    /// [`Step::Size`]: super::Step::Size
    pub fn convert(
        &self,
        conversion: impl Into<Conversion>,
        compression: Option<Compression>,
    ) -> Result<Job<()>, Failure> {
        let conversion = conversion.into();
        let is_old = |header: &Header| len_usize(header.data_offset.into()) != HEADER_SIZE;
        if self.new_size.is_some() && conversion.writer == &METADATA {
            return Err(Failure::refused(
                Refusal::Target,
                "cannot get another size as metadata alone",
                "leave the size out; or make something else of it first, in that size",
            ));
        }
        if compression.is_some()
            && self.new_size.is_none()
            && conversion.writer == &NTFSCLONE
            && self.header.as_ref().is_some_and(is_old)
        {
            return Err(Failure::refused(
                Refusal::Target,
                "is an image of an old version, which is not compressed as it is",
                "make a raw volume of it",
            ));
        }
        let form = match compression {
            Some(compression) => {
                Form::Compressed(Box::new(Compressor::new(&self.name, compression)?))
            }
            None => Form::Plain,
        };
        let opened = self.clone();
        Ok(Job::new(Arc::clone(&self.pages), move |co| async move {
            convert(&co, &opened, conversion, form).await
        }))
    }
}

async fn convert(
    co: &Co,
    opened: &Opened,
    conversion: Conversion,
    form: Form,
) -> Result<(), Failure> {
    let mut output = Output::new(co, form);
    // In its own size, an image is not looked into.
    let as_it_is = opened.new_size.is_none();
    if as_it_is && conversion.writer == &NTFSCLONE && opened.format == Format::Image {
        return pass_image(co, &opened.bytes, output).await;
    }
    if let Some(image) = &opened.container {
        compare_block_checksums(co, image).await?;
    }
    let inside = locate(co, opened).await?;
    if let (Some(index), true) = (inside.index(), as_it_is && conversion.is_raw_volume()) {
        if index.is_ordinary() {
            unpack_image(co, &opened.bytes, index, &mut output).await?;
        } else {
            copy_stored(co, &inside.source, index, &mut output).await?;
        }
        output
            .finish(conversion.writer, index.header(), index.extents())
            .await?;
        return Ok(());
    }
    if !opened.is_forced {
        refuse_dirty(co, &inside).await?;
    }
    let resizing = match opened.new_size {
        Some(size) => Some((size, losses(co, &inside, opened.is_forced).await?)),
        None => None,
    };
    let counted = used(co, inside, false).await?;
    if let Some(facts) = output.facts() {
        let serial_number = counted.volume.boot().serial_number;
        facts.set_volume(Some(counted.label.clone()), serial_number);
    }
    let copy = if conversion.writer == &METADATA {
        if let Some(facts) = output.facts() {
            facts.set_metadata();
        }
        Copy::of_metadata(co, counted).await?.0
    } else {
        let (counted, relocated) = match resizing {
            Some((size, losses)) => resize(co, counted, size, losses).await?,
            None => (counted, None),
        };
        refuse_not_stored(co, &counted).await?;
        Copy::of_clusters(counted, relocated)
    };
    copy.write(co, conversion, output).await?;
    Ok(())
}

/// Compares all checksums of an image of partclone, before it is read at any place: that does not
/// compare them.
///
/// # Errors
///
/// One does not match; the image is damaged otherwise.
async fn compare_block_checksums(co: &Co, image: &Source) -> Result<(), Failure> {
    let mut decoder = partclone::Decoder::new();
    loop {
        let offset = decoder.taken();
        let len = piece_len(offset, image.size());
        if len == 0 {
            return Ok(decoder.end_of_input()?);
        }
        let piece = co.piece(image, offset, len).await?;
        let mut input = &*piece;
        loop {
            match decoder.next(&mut input)? {
                Event::Header(_) | Event::Data { .. } => {}
                Event::NeedInput => break,
                Event::End => return Ok(()),
            }
        }
        co.progress(decoder.taken(), image.size());
    }
}

/// # Errors
///
/// The volume is marked dirty: a copy of it may be as inconsistent as it is. What
/// cannot be read is reported when it is needed.
async fn refuse_dirty(co: &Co, inside: &Inside) -> Result<(), Failure> {
    let info = co.read(|| VolumeInfo::read(&inside.open_volume()?)).await;
    if info.is_ok_and(|info| info.is_dirty()) {
        return Err(Failure::refused(
            Refusal::Inconsistent,
            DIRTY,
            "run chkdsk /f on it in Windows; or convert it as it is with force",
        ));
    }
    Ok(())
}

/// # Errors
///
/// The volume is in a container that lacks clusters in use: a copy would have zeros there.
async fn refuse_not_stored(co: &Co, counted: &Counted) -> Result<(), Failure> {
    let geometry = counted.volume.geometry();
    let source = &counted.inside.source;
    for extent in counted.map.extents() {
        let start = geometry.offset(extent.start);
        let end = start.saturating_add(geometry.bytes(extent.len));
        let absent = co.read(|| first_absent_in(source, start..end)).await?;
        if let Some(absent) = absent {
            return Err(Failure::refused(
                Refusal::NotStored,
                alloc::format!(
                    "lacks clusters in use of the volume, the first at byte {:#x}",
                    absent.start
                ),
                "a copy would have zeros in their place: take another copy of it",
            ));
        }
    }
    Ok(())
}
