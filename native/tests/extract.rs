//! `extract`: files of a volume or image, written to a folder.
