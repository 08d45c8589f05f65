/** What `info()` tells: the same object as `ntfsclone info --json`. All numbers are bytes, clusters or counts. */
export interface Info {
  /** What the source is called. */
  source: string;
  /** Bytes of the source, or of the partition in it. */
  size: number | null;
  format: "ntfsclone-image" | "ntfs-volume";
  /** What it is within, from the outside in: compression, a partition of a disk. */
  layers: string[];
  /** When and from what it was made, where it tells that. */
  made: Made | null;
  /** Of an image, its header. */
  image: ImageSummary | null;
  /** The volume, or the one in the image; null if it could not be looked at, and `warnings` say why. */
  volume: VolumeSummary | null;
  /** What is damaged on the way to the volume, such as a partition table; what could not be told, and why. */
  warnings: string[];
}

/** What a compressed image tells of its making. It is JSON that some program wrote: look before you rely on it. */
export interface Made {
  [key: string]: unknown;
}

/** The header of an image. */
export interface ImageSummary {
  /** Version of the format, such as `10.1`. */
  version: string;
  cluster_size: number;
  /** Bytes of the partition or file that was read. */
  device_size: number;
  /** Clusters of the volume. */
  clusters: number;
  /** Clusters in the image, as its header says. */
  clusters_in_use: number;
  /** Whether it holds metadata only; null where that was not looked at. */
  is_metadata: boolean | null;
}

/** A volume at a glance. Null is what damage hides. */
export interface VolumeSummary {
  /** Such as `3.1`. */
  ntfs_version: string | null;
  /** Empty if there is none. */
  label: string | null;
  /** Marked by Windows: not unmounted cleanly, or has errors. */
  is_dirty: boolean | null;
  is_hibernated: boolean | null;
  /** Why it is not clean, beside the two before. */
  unclean: Unclean[] | null;
  /** 16 hexadecimal digits. */
  serial: string;
  sector_size: number;
  cluster_size: number;
  mft_record_size: number;
  index_record_size: number;
  /** Bytes of the volume, without the backup boot sector. */
  size: number;
  clusters: number;
  /** Where `$MFT` begins, in clusters. */
  mft_lcn: number;
  /** The first boot sector is damaged; the backup was used. */
  is_from_backup_boot_sector: boolean;
  usage: Usage | null;
  /** The least bytes of the volume in another size, with its backup boot sector. */
  least_size: number | null;
  /** Clusters that `$BadClus` names. */
  bad: BadClusters | null;
  /** Records of `$MFT`. */
  records: number;
  records_in_use: number | null;
  /** Files and directories; null also where there are too many records to count them at once. */
  files: number | null;
}

/** A reason why a volume is not clean: changes in its journal, or work that Windows has yet to do. */
export type Unclean =
  | "journal"
  | "journal-damaged"
  | "check-interrupted"
  | "check-not-concluded"
  | "journal-resize"
  | "upgrade"
  | "changed-by-nt4"
  | "change-journal-deletion"
  | "object-ids";

/** Clusters that Windows found bad sectors in. No file has them, and they are not copied. */
export interface BadClusters {
  /** How many. */
  clusters: number;
  /** Where they are: the first 100 runs, in order. */
  runs: Run[];
}

/** How full a volume is. */
export interface Usage {
  /** Clusters in use. */
  used: number;
  /** Clusters that are free. */
  free: number;
  /** Runs of clusters in use. */
  runs: number;
  /** The largest runs in use, the largest first. */
  largest_used: Run[];
  /** The largest free ones, the largest first. */
  largest_free: Run[];
  /** The volume in equal parts: how many per mille of each are in use, rounded up, so that 0 is wholly free. */
  map: number[];
}

/** Consecutive clusters. */
export interface Run {
  lcn: number;
  clusters: number;
}

/** What `validate()` found: the same object as `ntfsclone verify --json`. */
export interface Report {
  source: string;
  /** What it was compared with: by the command-line tool only. */
  against: string | null;
  /** Bytes that were compared. */
  compared: number | null;
  /** No finding is an error. */
  sound: boolean;
  /** How much of an image was looked at; null of a volume. */
  image: { bytes: number; clusters: number } | null;
  /** How much of the NTFS was looked at; null where that could not be done. */
  volume: { files: number; clusters: number } | null;
  /** What the content was compared with, such as `sha256`. */
  checksums: string[];
  /** How many findings are errors. */
  errors: number;
  warnings: number;
  notes: number;
  /** The gravest first; at most 1000 of each severity. */
  findings: Finding[];
  /** The paths of all files with something wrong, in alphabetical order. */
  files: string[];
  /** Parts of files with something wrong that are too many to list. */
  files_left_out: number;
}

/** Something that is not as it should be. */
export interface Finding {
  code: FindingCode;
  /** `error`: something is lost or hidden, or may be; a copy would not be whole; Windows or Linux would not mount the volume. */
  severity: "error" | "warning" | "note";
  /** What becomes of data: it is gone or in danger, it is there and cannot be reached, or nothing. */
  effect: "lost" | "hidden" | "untidy";
  /** The MFT record concerned; null if it is not one. */
  record: number | null;
  /** Where `offset` counts from: the start of the image, decompressed, or of the volume. Missing if at no one place. */
  in?: Place["in"];
  /** In bytes. */
  offset?: number;
  /** How many bytes of the volume are concerned, if that is known. */
  length?: number | null;
  /** The same place in the other count, if it is known: in the image or on the disk of a place on the volume, on the volume of one in the image. */
  also_at: Place | null;
  /** What was found, in a sentence. */
  message: string;
  /** What that means. */
  meaning: string;
  /** What Windows and Linux do with such a volume; null where they do not get to see it. */
  systems: string | null;
  /** What to do about it. */
  advice: string;
  /** The files that it touches, or some of them. */
  files: string[];
}

/** A position: in the image, decompressed; on the disk that the volume is a partition of; on the volume, where `length` is how many bytes are concerned, if that is known. */
export type Place = { in: "image" | "disk"; offset: number } | { in: "volume"; offset: number; length: number | null };

/** The kinds of findings. `docs/findings.md` describes each. */
export type FindingCode =
  | "image-header"
  | "image-command"
  | "image-truncated"
  | "image-trailing"
  | "image-count"
  | "image-without-tail"
  | "image-unreadable"
  | "block-checksum"
  | "frame-damaged"
  | "stream-end"
  | "seek-table"
  | "summary"
  | "checksum"
  | "checksum-outdated"
  | "volume-unreadable"
  | "volume-not-checked"
  | "boot-sector"
  | "mft-mirror"
  | "volume-information"
  | "dirty"
  | "hibernated"
  | "root-directory"
  | "records-lost"
  | "record-skipped"
  | "record-damaged"
  | "run-past-end"
  | "cluster-claimed-twice"
  | "cluster-not-in-bitmap"
  | "cluster-only-in-bitmap"
  | "bitmap"
  | "bad-clusters"
  | "cluster-missing"
  | "metadata-only"
  | "content-differs"
  | "other-volume"
  | "serial-differs"
  | "hidden-sectors-differ"
  | "not-compared"
  | "record-unreadable"
  | "record-header"
  | "record-orphaned"
  | "attribute-order"
  | "attribute-instance"
  | "attribute-flags"
  | "attribute-invalid"
  | "attribute-missing"
  | "attribute-sizes"
  | "compressed-size"
  | "attribute-list"
  | "link-count"
  | "index-damaged"
  | "index-order"
  | "index-block-free"
  | "index-block-unused"
  | "entry-without-file"
  | "entry-stale"
  | "name-mismatch"
  | "not-in-directory"
  | "directory-cycle"
  | "record-marked-free"
  | "record-marked-used"
  | "mft-size"
  | "boot-sectors-differ"
  | "backup-boot-sector"
  | "upcase"
  | "upcase-unknown"
  | "attribute-definitions"
  | "journal-not-clean"
  | "journal"
  | "journal-restart"
  | "check-interrupted"
  | "unfinished"
  | "security"
  | "security-missing"
  | "extend-index"
  | "compressed-unit"
  | "rescue-mark";

/** What clusters are used for. */
export type Holder = "mft" | "system" | "directory" | "file" | "bad";

/** A file or directory, as `survey()` finds it. */
export interface SurveyedFile {
  /** The number of its record. */
  record: number;
  /** The record of the directory it stands in; of the root directory its own. */
  parent: number;
  /** Null where no record tells it. Untrusted: it may hold markup, control characters, anything but a slash. */
  name: string | null;
  /** Its other names, each a hard link; short ones are left out. Empty for most files. */
  other_names: SurveyedName[];
  holder: Holder;
  /** Bytes of its content; of a directory 0. */
  size: number;
  /** When its content was changed last, in milliseconds since 1970, as `new Date` takes it. Null where no record tells. */
  modified: number | null;
  /** Whether it leads to something else: a symbolic link, or the mount point of another volume. */
  is_link: boolean;
  /** Its other content, by names. Empty for most. */
  streams: SurveyedStream[];
  /** How many clusters it has, whatever for. */
  clusters: number;
}

/** Another name of a file. */
export interface SurveyedName {
  /** The record of the directory it stands in. */
  parent: number;
  /** Untrusted, like all names. */
  name: string;
}

/** Named content of a file or directory. */
export interface SurveyedStream {
  /** What the option `stream` of `content()` takes. Untrusted, like names of files. */
  name: string;
  /** In bytes. */
  size: number;
}

/** A file or directory, as the module lists it. */
export interface ListedFile {
  path: string;
  name: string;
  short_name: string | null;
  record: number;
  kind: "file" | "directory" | "symlink";
  reparse: string | null;
  is_system: boolean;
  is_damaged: boolean;
  size: number;
  allocated: number;
  /** Creation, change of the content, change of the record, access: 100 ns since 1601, as decimal digits. */
  times: string[];
  attributes: number;
  links: number;
  streams: ListedStream[];
  stream: string | null;
  target: string | null;
}

/** A named stream of a file or directory. */
export interface ListedStream {
  /** Untrusted, like all names. */
  name: string;
  /** In bytes. */
  size: number;
  /** Bytes of the clusters that it has; 0 if it is in the record of the file. */
  allocated: number;
}

/** A directory whose index is damaged, as the module lists it. */
export interface Unlisted {
  path: string;
  /** Its entries could not be listed at all. Otherwise they follow, by the names in all MFT records. */
  is_lost: boolean;
  code: string;
  message: string;
  offset: number | null;
}

/** What an image of metadata holds that tells of people, and what is wiped in it. */
export interface Remains {
  /** Bytes of the image, uncompressed. */
  image_size: number;
  /** What stays. Also, unused entries of directories may have names of deleted files. */
  sensitive: Sensitive;
  /** Bytes that are wiped. */
  wiped: Wiped;
  /** Records that are damaged, and were wiped only as far as they could be read: they may hold content of files. */
  damaged_records: number;
}

/** What stays in an image of metadata that tells of people: how many of each. */
export interface Sensitive {
  /** Names of files, streams not counted. */
  file_names: number;
  /** Names of streams, but those of the file system. */
  stream_names: number;
  /** Labels of the volume. */
  labels: number;
  /** Security descriptors in files of their own. */
  security_descriptors: number;
  /** Bytes of the security descriptors that files share: accounts, and their rights. */
  shared_security_bytes: number;
  /** Files with extended attributes. */
  extended_attributes: number;
  object_ids: number;
  /** Targets of links, mount points and cloud files. */
  reparse_points: number;
  /** Keys of encrypted files, and other logged utility streams. */
  utility_streams: number;
  /** Bytes of the journal, with names of files and content of records. */
  log_file_bytes: number;
}

/** How many bytes are wiped in an image of metadata, by what they are. */
export interface Wiped {
  /** After the used part of records. */
  slack: number;
  /** Of records of deleted files. */
  deleted: number;
  /** Content of small files, kept in their records. */
  resident_data: number;
  /** Times. */
  times: number;
}

/** What another size of a volume needs, and loses. */
export interface ResizeLimits {
  /** Bytes of the volume as it is, with its backup boot sector. */
  size: number;
  /** The least that it can have. */
  least_size: number;
  /** What does not survive another size. */
  losses: Loss[];
}

/** What was changed to give a volume another size. */
export interface Resized {
  /** Bytes of the volume as it was, with its backup boot sector. */
  old_size: number;
  /** Bytes of the volume as it is now, with its backup boot sector. */
  size: number;
  /** Clusters that are elsewhere now. */
  moved_clusters: number;
  /** MFT records with other places or sizes of content. */
  changed_records: number;
  /** Bytes of the journal, which is emptied. */
  emptied_journal: number;
  /** Bytes of a sector of the volume as it was. */
  old_sector_size: number;
  /** Bytes of a sector of the volume as it is now. */
  sector_size: number;
  /** Bad clusters that the volume marks no more: they belong to the old disk. */
  bad_clusters: number;
  /** Bad clusters that the volume still marks. */
  kept_bad_clusters: number;
  /** What did not survive. */
  losses: Loss[];
}

/**
 * What of a volume does not survive another size: changes in the journal, the memory of a hibernated Windows, shadow copies.
 * Encrypted swap and the metadata of BitLocker are copied, but are of no use to any copy.
 */
export type Loss =
  | { code: "journal-not-clean" }
  | { code: "journal-unreadable" }
  | { code: "hibernated" }
  | { code: "shadow-copies"; copies: number; bytes: number }
  | { code: "encrypted-swap"; bytes: number }
  | { code: "bitlocker"; files: number; bytes: number };
