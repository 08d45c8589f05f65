//! Finds the index of an ordinary image without reading all of it.
//!
//! In an image whose clusters are in LCN order, the position of each cluster
//! follows from the set of clusters in use. `$Bitmap`, which is in the image,
//! tells that set.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::{self, Vec};
use core::iter::Peekable;
use core::mem;

use crate::clusters::claims::BAD_STREAM;
use crate::clusters::extender::Extender;
use crate::error::{Error, Result, Structure};
use crate::image::ntfsclone::{Header, Version, cut_short};
use crate::image::{Index, IndexBuilder, Pace, Prefix};
use crate::io::ReadAt;
use crate::ntfs::bitmap::Chunks;
use crate::ntfs::mft::RECORD_BAD_CLUSTERS;
use crate::ntfs::value::Value;
use crate::ntfs::{AttributeType, FileRecord, Volume};
use crate::sorted::sorted;
use crate::units::{Extent, Lcn};

/// The result of [`Index::discover`].
#[derive(Debug)]
pub enum Discovery {
    /// The index.
    Found(Index),
    /// What does not agree. That is no error: [`Index::scan`] tells whether
    /// the image is damaged, or only no ordinary one.
    Declined(Error),
}

impl Index {
    /// Finds the index of an ordinary image by reading no more than `$Bitmap`,
    /// the commands that lead to it, and some others to check: the image must
    /// have the size that follows, to the byte, and the clusters in use that
    /// its header counts.
    ///
    /// Damage that changes nothing of this is seen by a scan alone: that of the
    /// commands within a run, which [`crate::image::Reader`] sees as well when
    /// it reads there, and in an image of more than 255 gaps that of gaps which
    /// are not checked. The index is then that of the image before the damage.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] and [`Error::Unsupported`]: this is no
    /// image; [`Error::Memory`].
    pub fn discover(source: &(impl ReadAt + ?Sized)) -> Result<Discovery> {
        let mut discoverer = Discoverer::new(source, Header::read(source)?);
        loop {
            if let Some(found) = discoverer.step()? {
                return Ok(found);
            }
        }
    }
}

/// As [`Index::discover`], step by step.
#[derive(Debug)]
pub struct Discoverer<S> {
    source: S,
    header: Header,
    pace: Pace,
    state: State<S>,
}

#[derive(Debug)]
enum State<S> {
    /// The volume has to be opened.
    Prefix(Rc<Prefix<S>>),
    /// `$Bitmap` is read.
    Bitmap(Box<Volume<Rc<Prefix<S>>>>, Box<ByBitmap>),
    /// What it says is compared with the image.
    Check(Box<Index>, Box<IndexBuilder>),
}

impl<S: ReadAt + Clone> Discoverer<S> {
    /// Of the image `source`, which has that header.
    pub fn new(source: S, header: Header) -> Self {
        let pace = Pace::Leaps;
        Self {
            state: State::Prefix(Rc::new(Prefix::new(source.clone(), header, pace))),
            source,
            header,
            pace,
        }
    }

    /// Does the next step; `None` if that was not the last one. Can be called
    /// again after an error.
    ///
    /// # Errors
    ///
    /// As [`Index::discover`].
    pub fn step(&mut self) -> Result<Option<Discovery>> {
        let error = match self.advance() {
            Ok(found) => return Ok(found.map(Discovery::Found)),
            Err(error) => unwrapped(error),
        };
        match (&self.state, self.pace) {
            _ if !error.is_damage() => Err(error),
            (State::Prefix(_) | State::Bitmap(..), Pace::Leaps) if !self.is_old() => {
                self.pace = Pace::Steps;
                let prefix = Prefix::new(self.source.clone(), self.header, self.pace);
                self.state = State::Prefix(Rc::new(prefix));
                Ok(None)
            }
            _ => Ok(Some(Discovery::Declined(error))),
        }
    }

    fn advance(&mut self) -> Result<Option<Index>> {
        if self.is_old() {
            return Err(Error::Unsupported {
                structure: Structure::ImageHeader,
                offset: 16,
                field: "a version before",
                found: 10,
                expected: "version 10",
            });
        }
        self.state = match &mut self.state {
            State::Prefix(prefix) => {
                let volume = Volume::open(Rc::clone(prefix))?;
                let by_bitmap = ByBitmap::new(&volume, self.source.size(), self.header)?;
                State::Bitmap(Box::new(volume), Box::new(by_bitmap))
            }
            State::Bitmap(volume, by_bitmap) => {
                if by_bitmap.step(volume)? {
                    return Ok(None);
                }
                let index = by_bitmap.finish()?;
                State::Check(Box::new(index), Box::new(volume.source().builder()))
            }
            State::Check(index, walked) => {
                check(&self.source, index, walked)?;
                return Ok(Some((**index).clone()));
            }
        };
        Ok(None)
    }

    fn is_old(&self) -> bool {
        matches!(self.header.version, Version::Old(_))
    }
}

/// The error that a [`Prefix`] gave, if it was one.
fn unwrapped(error: Error) -> Error {
    match error {
        Error::Io {
            structure,
            offset,
            len,
            source,
        } => source.downcast().unwrap_or_else(|source| Error::Io {
            structure,
            offset,
            len,
            source,
        }),
        error => error,
    }
}

/// The index of the image that a save of the volume makes, as it is made.
#[derive(Debug)]
struct ByBitmap {
    used: Used,
    extender: Extender,
    chunks: Option<Chunks>,
    nr_clusters: u64,
}

impl ByBitmap {
    fn new<R: ReadAt>(volume: &Volume<R>, size: u64, header: Header) -> Result<Self> {
        let geometry = volume.geometry();
        agree(
            Structure::BootSector,
            0,
            "the cluster size",
            geometry.cluster_size.into(),
            header.cluster_size.into(),
            "that of the image",
        )?;
        agree(
            Structure::BootSector,
            0,
            "the number of clusters",
            geometry.nr_clusters(),
            header.nr_clusters,
            "that of the image",
        )?;
        // An ordinary image has all of $Bitmap.
        let bitmap_size = header.nr_clusters.div_ceil(8);
        if bitmap_size > size {
            return Err(Error::Limit {
                structure: Structure::Bitmap,
                offset: 0,
                found: bitmap_size,
                limit: size,
            });
        }
        let bad = bad_clusters(volume)?.into_iter().peekable();
        Ok(Self {
            used: Used {
                builder: Ok(IndexBuilder::new(header)),
                bad,
                size,
            },
            extender: Extender::default(),
            chunks: Some(Chunks::new(volume)?),
            nr_clusters: header.nr_clusters,
        })
    }

    /// Takes the next part of `$Bitmap`; false if there is none. After an
    /// error, it can be tried again.
    fn step<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<bool> {
        let Some(chunks) = &mut self.chunks else {
            return Ok(false);
        };
        let Some((first, words)) = chunks.next(volume)? else {
            return Ok(false);
        };
        for (lcn, &word) in (first.0..).step_by(64).map(Lcn).zip(words) {
            let used = &mut self.used;
            self.extender.add_bits(lcn, word, |extent| used.add(extent));
        }
        Ok(true)
    }

    /// What was made is gone then.
    fn finish(&mut self) -> Result<Index> {
        if let Some(unknown) = self.chunks.take().and_then(Chunks::unknown) {
            return Err(unknown.source);
        }
        if let Some(last) = mem::take(&mut self.extender).finish() {
            self.used.add(last);
        }
        let ended = Err(cut_short(self.used.size));
        let mut builder = mem::replace(&mut self.used.builder, ended)?;
        builder.seek(Lcn(self.nr_clusters))?;
        builder.finish()
    }
}

/// What `$BadClus` names, in order.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Corrupt`]: the record of `$BadClus` is damaged.
pub fn bad_clusters<R: ReadAt>(volume: &Volume<R>) -> Result<Vec<Extent>> {
    let file = FileRecord::salvage(volume, RECORD_BAD_CLUSTERS)?;
    let mut bad = Vec::new();
    if let Some(Value::NonResident(stream)) = file.value(AttributeType::DATA, BAD_STREAM)? {
        let runs = stream.runs().iter();
        bad.extend(runs.filter_map(|run| Some(Extent::new(run.lcn?, run.len))));
    }
    Ok(sorted(bad))
}

/// Takes the extents in use, in order, as those of an image.
#[derive(Debug)]
struct Used {
    builder: Result<IndexBuilder>,
    /// Clusters in use that no image has, in order.
    bad: Peekable<vec::IntoIter<Extent>>,
    /// Of the image: no more clusters than it can hold are kept in mind.
    size: u64,
}

impl Used {
    fn add(&mut self, extent: Extent) {
        let (mut position, end) = (extent.start, extent.end());
        while let Some(&bad) = self.bad.peek()
            && bad.start < end
        {
            self.take(position, bad.start);
            position = position.max(bad.end());
            if bad.end() > end {
                break;
            }
            self.bad.next();
        }
        self.take(position, end);
    }

    fn take(&mut self, start: Lcn, end: Lcn) {
        let Some(builder) = self.builder.as_mut().ok().filter(|_| start < end) else {
            return;
        };
        let taken = builder
            .seek(start)
            .and_then(|()| builder.clusters(end.0.saturating_sub(start.0)))
            .and_then(|()| match builder.offset() <= self.size {
                true => Ok(()),
                false => Err(wrong_size(builder.offset(), self.size)),
            });
        if let Err(error) = taken {
            self.builder = Err(error);
        }
    }
}

/// Holds what `$Bitmap` says against the image: `walked` is what was seen of
/// its start.
fn check(source: &(impl ReadAt + ?Sized), index: &Index, walked: &IndexBuilder) -> Result<()> {
    if index.stream_size() != source.size() {
        return Err(wrong_size(index.stream_size(), source.size()));
    }
    agree(
        Structure::ImageHeader,
        38,
        "the number of clusters in use",
        index.header().inuse,
        index.len(),
        "that of $Bitmap",
    )?;
    if !index.begins_with(walked) {
        let expected = "those that $Bitmap tells of";
        return Err(Error::Corrupt {
            structure: Structure::ImageCommand,
            offset: index.header().data_offset.into(),
            field: "the end of the first clusters, which are not",
            found: walked.position().0,
            expected,
        });
    }
    index.spot_check(source)
}

fn wrong_size(by_bitmap: u64, found: u64) -> Error {
    Error::Corrupt {
        structure: Structure::ImageCommand,
        offset: by_bitmap.min(found),
        field: "its size",
        found,
        expected: "what follows from $Bitmap",
    }
}

fn agree(
    structure: Structure,
    offset: u64,
    field: &'static str,
    found: u64,
    wanted: u64,
    expected: &'static str,
) -> Result<()> {
    match found == wanted {
        true => Ok(()),
        false => Err(Error::Corrupt {
            structure,
            offset,
            field,
            found,
            expected,
        }),
    }
}
