//! Checking an image or volume to its last byte, and the NTFS in it.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::Failure;
use super::job::{Co, Job};
use super::opened::Opened;
use super::scan::piece_len;
use crate::check::{
    Checking, Code, Finding, Findings, ImageCheck, ImageChecked, Loss, LostFrames, PartcloneCheck,
    Place, Report, StreamedCheck, VolumeCheck,
};
use crate::clusters::Selection;
use crate::error::{Error, Result, with_causes};
use crate::image::Index;
use crate::image::seekable::Frame;
use crate::info::Format;
use crate::io::{ReadAt, Source};
use crate::open::Inside;

impl Opened {
    /// Checks all of it, and the NTFS in it: the report of `ntfsclone verify`.
    pub fn validate(&self) -> Job<Report> {
        let opened = self.clone();
        Job::new(Arc::clone(&self.pages), |co| async move {
            Check::new(&co, &opened).run().await
        })
    }
}

struct Check<'a> {
    co: &'a Co,
    opened: &'a Opened,
    findings: Findings,
    image: Option<ImageChecked>,
    checksums: Vec<String>,
    /// What was in damaged frames, until its files are known.
    losses: Vec<Loss>,
}

impl<'a> Check<'a> {
    fn new(co: &'a Co, opened: &'a Opened) -> Self {
        Self {
            co,
            opened,
            findings: Findings::default(),
            image: None,
            checksums: Vec::new(),
            losses: Vec::new(),
        }
    }

    async fn run(mut self) -> Result<Report, Failure> {
        let opened = self.opened;
        let bytes = &opened.bytes;
        let is_plain = opened.seekable.is_none();
        let inside = match (opened.format, &opened.container) {
            (_, Some(container)) => self.partclone(container).await?,
            (Format::Image, None) => self.image().await?,
            (Format::Volume, None) if is_plain => Some(Inside::of_volume(bytes.clone())),
            (Format::Volume, None) => Some(self.compressed_volume().await?),
        };
        let volume = match &inside {
            Some(inside) => {
                let checked = self.volume(inside).await;
                self.unreadable(checked)?.flatten()
            }
            None => None,
        };
        // The files of those that are left are unknown.
        for loss in self.losses {
            self.findings.push(loss.into_finding());
        }
        let mut report = Report::new(self.findings, self.image, volume, self.checksums);
        if let Some(inside) = &inside {
            report = report.with_stored_places(&inside.source);
        }
        let is_volume = opened.format == Format::Volume && opened.container.is_none();
        if is_plain && is_volume {
            return Ok(report.on_volume());
        }
        Ok(report)
    }

    /// Checks the image; returns the volume in it, of whole clusters.
    async fn image(&mut self) -> Result<Option<Inside>, Failure> {
        let mut check = ImageCheck::new();
        let image = self.opened.bytes.clone();
        let (is_read, lost) = self.streamed(&image, &mut check).await?;
        let bytes = check.taken();
        let (findings, mut index) = check.end()?;
        // A read error is reported already; a truncation would be its echo.
        if is_read {
            self.findings.append(findings);
        }
        if let Some(first) = lost.first() {
            let known = self.opened.inside.as_ref().and_then(Inside::index);
            if known.is_none() {
                let message = format!(
                    "where the clusters after byte {first:#x} of the image are is not known"
                );
                let place = Some(Place::Image { offset: first });
                self.findings
                    .push(Finding::new(Code::ImageUnreadable, place, message));
            }
            index = known.cloned().or(index);
        }
        self.losses = match &index {
            Some(index) => {
                lost.in_image(index.header().cluster_size, |range| index.extents_in(range))
            }
            None => lost.in_volume(),
        };
        self.check_summary(index.as_ref());
        self.image = Some(ImageChecked {
            bytes,
            clusters: index.as_ref().map_or(0, Index::len),
        });
        Ok(index.map(|index| Inside::of_image(self.opened.bytes.clone(), index)))
    }

    /// Checks an image of partclone; returns the volume in it.
    async fn partclone(&mut self, image: &Source) -> Result<Option<Inside>, Failure> {
        let mut check = PartcloneCheck::new();
        let (is_read, lost) = self.streamed(image, &mut check).await?;
        let bytes = check.taken();
        let checked = check.end();
        // A read error is reported already; a truncation would be its echo.
        if is_read {
            self.findings.append(checked.findings);
        }
        self.losses = checked.losses;
        // Header and bitmap are at the start, and may be lost themselves.
        let index = checked.index;
        let block_size = index.as_ref().map_or(0, |index| index.header().block_size);
        let extents_in = |range: &_| index.as_ref().map(|index| index.extents_in(range));
        let losses = lost.in_image(block_size, |range| extents_in(range).unwrap_or_default());
        self.losses.extend(losses);
        self.image = Some(ImageChecked {
            bytes,
            clusters: index.map_or(0, |index| index.blocks().len()),
        });
        Ok(self.opened.inside.clone())
    }

    /// Reads all of an image through its `check`. Returns whether that was possible, and
    /// the frames that were not.
    async fn streamed(
        &mut self,
        image: &Source,
        check: &mut dyn StreamedCheck,
    ) -> Result<(bool, LostFrames), Failure> {
        let mut lost = LostFrames::default();
        let read = self.read_all(image, &mut lost, |offset, piece| {
            // After a lost frame, commands and checksums cannot be told from clusters.
            if check.pushed() != offset {
                return Ok(());
            }
            check.push(piece, &mut |_, _| {})
        });
        let read = read.await;
        let is_read = self.unreadable(read)?.is_some();
        Ok((is_read && lost.is_empty(), lost))
    }

    /// Checks all frames of a compressed volume.
    async fn compressed_volume(&mut self) -> Result<Inside, Failure> {
        let mut lost = LostFrames::default();
        let bytes = &self.opened.bytes;
        let read = self.read_all(bytes, &mut lost, |_, _| Ok(())).await;
        self.unreadable(read)?;
        self.losses = lost.in_volume();
        self.check_summary(None);
        Ok(Inside::of_volume(self.opened.bytes.clone()))
    }

    /// Reads all of `bytes`, in pieces; adds the frames that cannot be decompressed to
    /// `lost`.
    async fn read_all(
        &self,
        bytes: &Source,
        lost: &mut LostFrames,
        mut take: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<(), Failure> {
        let mut offset = 0;
        while offset < bytes.size() {
            let frame = self.frame_at(offset);
            let frame_end = frame.map_or(u64::MAX, |(_, frame)| {
                frame.offset.saturating_add(frame.size)
            });
            let len = piece_len(offset, bytes.size().min(frame_end));
            let mut end = offset.saturating_add(len);
            match (self.co.piece(bytes, offset, len).await, frame) {
                (Ok(piece), _) => take(offset, &piece)?,
                (Err(Failure::Error(error)), Some((number, frame))) if error.is_damage() => {
                    lost.push(number, &frame, &error);
                    end = frame_end;
                }
                (Err(failure), _) => return Err(failure),
            }
            offset = end;
            self.co.progress(offset, bytes.size());
        }
        Ok(())
    }

    /// The frame that holds a byte, and its number, if they are compressed.
    fn frame_at(&self, offset: u64) -> Option<(usize, Frame)> {
        let table = self.opened.seekable.as_ref()?.table();
        let number = table.frame_at(offset)?;
        Some((number, table.frame(number)?))
    }

    /// `None` if the volume cannot be opened, which is a finding.
    async fn volume(&mut self, inside: &Inside) -> Result<Option<VolumeCheck>, Failure> {
        let co = self.co;
        let volume = match co.attempt(|| inside.open_volume()).await {
            Ok(volume) => volume,
            Err(error) => {
                let place = Place::Volume {
                    offset: 0,
                    length: None,
                };
                let code = Code::VolumeUnreadable;
                self.findings
                    .push(Finding::of_error(code, Some(place), &error));
                return Ok(None);
            }
        };
        let mut selection = Selection::new(&volume)?;
        co.walk(&volume, |walk, rest| {
            walk.claims_of_some(rest, &mut |claims| selection.add(claims))
        })
        .await?;
        let losses = mem::take(&mut self.losses);
        let mut checking = Checking::new(selection).with_losses(losses);
        let index = inside.index();
        loop {
            match co.attempt(|| checking.step(&volume, index)).await {
                Ok(None) => co.progress(0, 0),
                Ok(check) => return Ok(check),
                Err(error) => {
                    self.losses = checking.into_losses();
                    return Err(error.into());
                }
            }
        }
    }

    fn check_summary(&mut self, index: Option<&Index>) {
        if let Some(seekable) = &self.opened.seekable {
            let (findings, checksums) = (&mut self.findings, &mut self.checksums);
            let header = seekable.header_damage();
            crate::check::check_frames(header.as_ref(), seekable.end_damage(), findings);
            crate::check::check_summary(seekable.summary(), index, findings, checksums);
        }
    }

    /// Turns a read error into a finding.
    fn unreadable<T>(&mut self, read: Result<T, Failure>) -> Result<Option<T>, Failure> {
        let error: Error = match read {
            Err(Failure::Error(error)) => error,
            read => return read.map(Some),
        };
        let message = format!("{}: {}", self.opened.name, with_causes(&error));
        let finding = Finding::new(Code::ImageUnreadable, None, message);
        self.findings.push(finding);
        Ok(None)
    }
}
