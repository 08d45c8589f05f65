//! Converting an image or volume to another form, in order from its start to its
//! end: into a file, a download or a stream.

mod compressed;
mod image;
mod metadata;
mod output;
mod pass;
mod raw;
mod remains;
mod unpack;

use alloc::boxed::Box;
use alloc::rc::Rc;

pub use self::compressed::Compression;
use self::compressed::{Compressor, Content};
use self::image::write_image;
use self::metadata::MetadataCopy;
use self::output::{Form, Output};
use self::pass::pass_image;
use self::raw::{write_stored, write_volume};
use self::unpack::unpack_image;
use super::job::{Co, Job};
use super::locate::locate;
use super::opened::{Inside, Opened};
use super::used::used;
use super::{Failure, Refusal};
use crate::image::ntfsclone::{HEADER_SIZE, Header};
use crate::ntfs::VolumeInfo;
use crate::ntfs::volume_info::DIRTY;
use crate::plan::Plan;
use crate::units::len_usize;

/// The form to convert to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The raw volume, with zeros for clusters that are not in use.
    Raw,
    /// An ntfsclone image. An image is copied as it is.
    Image,
    /// An ntfsclone image of the metadata, without the content of files, times
    /// and deleted records.
    Metadata,
}

impl Opened {
    /// Converts it, and compresses the result if requested: [`Step::Bytes`] and
    /// [`Step::Hole`].
    ///
    /// # Errors
    ///
    /// [`Refusal::Target`]: there is no such level, or an image of an old
    /// version would be compressed as it is.
    ///
    /// [`Step::Bytes`]: super::Step::Bytes
    /// [`Step::Hole`]: super::Step::Hole
    pub fn convert(
        &self,
        target: Target,
        compression: Option<Compression>,
    ) -> Result<Job<()>, Failure> {
        let is_old = |header: &Header| len_usize(header.data_offset.into()) != HEADER_SIZE;
        if compression.is_some()
            && target == Target::Image
            && self.header.as_ref().is_some_and(is_old)
        {
            return Err(Failure::refused(
                Refusal::Target,
                "is an image of an old version, which is not compressed as it is",
                "make a raw volume of it",
            ));
        }
        let form = match compression {
            Some(compression) => Form::Compressed(Box::new(Compressor::new(compression)?)),
            None => Form::Plain,
        };
        let opened = self.clone();
        Ok(Job::new(Rc::clone(&self.pages), move |co| async move {
            let mut output = Output::new(&co, form);
            convert(&co, &opened, target, &mut output).await?;
            output.finish()
        }))
    }
}

async fn convert(
    co: &Co,
    opened: &Opened,
    target: Target,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let begin = |output: &mut Output<'_>, header: Header, content: &Content| {
        if let Some(compressor) = output.compressor() {
            compressor.begin(&opened.name, target, header, content);
        }
    };
    if let (Some(Inside::Image(_)) | None, Target::Image) = (&opened.inside, target) {
        if let Some(header) = opened.header {
            begin(output, header, &Content::default());
        }
        return pass_image(co, &opened.bytes, output).await;
    }
    let inside = locate(co, opened).await?;
    if let (Inside::Image(reader), Target::Raw) = (&inside, target) {
        let header = reader.index().header();
        begin(output, *header, &Content::default());
        if reader.index().is_ordinary() {
            return unpack_image(co, reader.source(), header, output).await;
        }
        return write_stored(co, reader, &inside, output).await;
    }
    if !opened.accepts_dirty {
        refuse_dirty(co, &inside).await?;
    }
    let counted = used(co, inside, false).await?;
    if target == Target::Metadata {
        let copy = MetadataCopy::collect(co, counted).await?;
        begin(output, copy.header(), &copy.content);
        copy.write(co, output).await?;
        return Ok(());
    }
    let content = Content::of_volume(&counted, false);
    let geometry = *counted.volume.geometry();
    let inside = counted.volume.into_source();
    let plan = Plan::new(geometry, inside.device_size(), counted.map);
    begin(output, plan.header(), &content);
    if target == Target::Raw {
        return write_volume(co, &inside, &plan, output).await;
    }
    write_image(co, &inside, &plan, output).await
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
