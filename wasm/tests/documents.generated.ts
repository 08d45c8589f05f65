// Made of the types of Rust by documents.rs.

export type JsonValue = unknown;

export type Info = { 
/**
 * What it is called.
 */
source: string, 
/**
 * Bytes of the file or files; none of a pipe.
 */
size: number | null, 
/**
 * What it is.
 */
format: Format, 
/**
 * What it is within, from the outside in.
 */
layers: Array<string>, 
/**
 * When and from what it was made, where that is told.
 */
made: JsonValue | null, 
/**
 * The header of the image, if it is one.
 */
image: ImageSummary | null, 
/**
 * The volume, as far as it can be told.
 */
volume: VolumeSummary | null, 
/**
 * What could not be told, and why.
 */
warnings: Array<string>, };

export type Format = "ntfsclone-image" | "ntfs-volume";

export type ImageSummary = { 
/**
 * Version of the format, such as `10.1`.
 */
version: string, 
/**
 * Bytes of a cluster.
 */
cluster_size: number, 
/**
 * Bytes of the partition or file that was read.
 */
device_size: number, 
/**
 * Clusters of the volume.
 */
clusters: number, 
/**
 * Clusters in the image, as its header says.
 */
clusters_in_use: number, 
/**
 * Whether it holds metadata only; none where that was not looked at.
 */
is_metadata: boolean | null, };

export type VolumeSummary = { 
/**
 * Version of NTFS, such as `3.1`; none where `$Volume` is damaged, like
 * the next two.
 */
ntfs_version: string | null, 
/**
 * The label; empty if there is none.
 */
label: string | null, 
/**
 * Marked by Windows: not unmounted cleanly, or has errors.
 */
is_dirty: boolean | null, 
/**
 * Whether Windows is hibernated on it; none where that cannot be told.
 */
is_hibernated: boolean | null, 
/**
 * Why the volume is not clean, beside the two before; none where `$Volume` or
 * the journal cannot be read.
 */
unclean: Array<Unclean> | null, 
/**
 * 16 hexadecimal digits.
 */
serial: string, 
/**
 * Bytes of a sector.
 */
sector_size: number, 
/**
 * Bytes of a cluster.
 */
cluster_size: number, 
/**
 * Bytes of a record of `$MFT`.
 */
mft_record_size: number, 
/**
 * Bytes of a block of a directory index.
 */
index_record_size: number, 
/**
 * Bytes of the volume, without the backup boot sector.
 */
size: number, 
/**
 * Whole clusters.
 */
clusters: number, 
/**
 * Where `$MFT` begins, in clusters.
 */
mft_lcn: number, 
/**
 * The first boot sector is damaged; the backup was used.
 */
is_from_backup_boot_sector: boolean, 
/**
 * How full it is; none where `$Bitmap` is damaged.
 */
usage: Usage | null, 
/**
 * The least bytes of the volume in another size, with its backup boot sector; none where
 * `$Bitmap` or `$BadClus` is damaged.
 */
least_size: number | null, 
/**
 * Clusters that are marked as bad; none where `$BadClus` is damaged.
 */
bad: BadClusters | null, 
/**
 * Records of `$MFT`.
 */
records: number, 
/**
 * Records in use, those of the file system and extension records among
 * them; none where `$MFT`'s bitmap is damaged.
 */
records_in_use: number | null, 
/**
 * Files and directories, those of the file system among them; none where
 * there are too many records to count them at once.
 */
files: number | null, };

export type Unclean = "journal" | "journal-damaged" | "check-interrupted" | "check-not-concluded" | "journal-resize" | "upgrade" | "changed-by-nt4" | "change-journal-deletion" | "object-ids";

export type Usage = { 
/**
 * Clusters in use.
 */
used: number, 
/**
 * Clusters that are free.
 */
free: number, 
/**
 * Runs of clusters in use.
 */
runs: number, 
/**
 * The largest runs of clusters in use, the largest first.
 */
largest_used: Array<Run>, 
/**
 * The largest runs of free clusters, the largest first.
 */
largest_free: Array<Run>, 
/**
 * The volume in equal parts, from its start: how many per mille of each
 * part are in use, rounded up so that 0 is wholly free.
 */
map: Array<number>, };

export type BadClusters = { 
/**
 * How many clusters.
 */
clusters: number, 
/**
 * Where they are: the first 100 runs, in order.
 */
runs: Array<Run>, };

export type Run = { 
/**
 * The first cluster.
 */
lcn: number, 
/**
 * How many clusters.
 */
clusters: number, };

export type VerifyReport = { 
/**
 * What was checked.
 */
source: string, 
/**
 * What it was compared with, if it was.
 */
against: string | null, 
/**
 * Bytes of the volume that were compared.
 */
compared: number | null, 
/**
 * No finding is an error.
 */
sound: boolean, 
/**
 * How much of an image was looked at; none of a volume.
 */
image: ImageChecked | null, 
/**
 * How much of the NTFS was looked at; none where that could not be done.
 */
volume: VolumeChecked | null, 
/**
 * What the content was compared with, such as `sha256`.
 */
checksums: Array<string>, 
/**
 * How many findings are errors.
 */
errors: number, 
/**
 * How many are warnings.
 */
warnings: number, 
/**
 * How many are notes.
 */
notes: number, 
/**
 * The gravest first; at most 1000 of each severity.
 */
findings: Array<Finding>, 
/**
 * The paths of all files with something wrong, in alphabetical order.
 */
files: Array<string>, 
/**
 * Parts of files with something wrong that are too many to list.
 */
files_left_out: number, };

export type Report = { 
/**
 * No finding is an error.
 */
sound: boolean, 
/**
 * How much of an image was looked at; none of a volume.
 */
image: ImageChecked | null, 
/**
 * How much of the NTFS was looked at; none where that could not be done.
 */
volume: VolumeChecked | null, 
/**
 * What the content was compared with, such as `sha256`.
 */
checksums: Array<string>, 
/**
 * How many findings are errors.
 */
errors: number, 
/**
 * How many are warnings.
 */
warnings: number, 
/**
 * How many are notes.
 */
notes: number, 
/**
 * The gravest first; at most 1000 of each severity.
 */
findings: Array<Finding>, 
/**
 * The paths of all files with something wrong, in alphabetical order.
 */
files: Array<string>, 
/**
 * Parts of files with something wrong that are too many to list.
 */
files_left_out: number, };

export type ImageChecked = { 
/**
 * Bytes of the image, decompressed.
 */
bytes: number, 
/**
 * Clusters in it, each counted once.
 */
clusters: number, };

export type VolumeChecked = { 
/**
 * Files and directories in use.
 */
files: number, 
/**
 * Clusters in use.
 */
clusters: number, };

export type Finding = { 
/**
 * Which kind.
 */
code: Code, 
/**
 * How grave.
 */
severity: Severity, 
/**
 * What becomes of data.
 */
effect: Effect, 
/**
 * The MFT record concerned, if it is one.
 */
record: number | null, 
/**
 * The same place in the other count, if it is known: in the image or on the
 * disk of a place on the volume, on the volume of one in the image.
 */
also_at: Place | null, 
/**
 * What was found, in a sentence.
 */
message: string, 
/**
 * What that means: [`Code::meaning`].
 */
meaning: string, 
/**
 * What Windows and Linux do with such a volume: [`Code::systems`]. `None`
 * where they do not get to see it.
 */
systems: string | null, 
/**
 * What to do about it: [`Code::advice`].
 */
advice: string, 
/**
 * The files that it touches, or some of them.
 */
files: Array<string>, };

export type Place = { "in": "image", 
/**
 * In bytes from its start.
 */
offset: number, } | { "in": "disk", 
/**
 * In bytes from its start.
 */
offset: number, } | { "in": "volume", 
/**
 * In bytes from its start.
 */
offset: number, 
/**
 * How many bytes are concerned, if that is known.
 */
length: number | null, };

export type Code = "image-header" | "image-command" | "image-truncated" | "image-trailing" | "image-count" | "image-without-tail" | "image-unreadable" | "block-checksum" | "frame-damaged" | "stream-end" | "seek-table" | "summary" | "checksum" | "checksum-outdated" | "volume-unreadable" | "volume-not-checked" | "boot-sector" | "mft-mirror" | "volume-information" | "dirty" | "hibernated" | "root-directory" | "records-lost" | "record-skipped" | "record-damaged" | "run-past-end" | "cluster-claimed-twice" | "cluster-not-in-bitmap" | "cluster-only-in-bitmap" | "bitmap" | "bad-clusters" | "cluster-missing" | "metadata-only" | "content-differs" | "other-volume" | "serial-differs" | "hidden-sectors-differ" | "not-compared" | "record-unreadable" | "record-header" | "record-orphaned" | "attribute-order" | "attribute-instance" | "attribute-flags" | "attribute-invalid" | "attribute-missing" | "attribute-sizes" | "compressed-size" | "attribute-list" | "link-count" | "index-damaged" | "index-order" | "index-block-free" | "index-block-unused" | "entry-without-file" | "entry-stale" | "name-mismatch" | "not-in-directory" | "directory-cycle" | "record-marked-free" | "record-marked-used" | "mft-size" | "boot-sectors-differ" | "backup-boot-sector" | "upcase" | "upcase-unknown" | "attribute-definitions" | "journal-not-clean" | "journal" | "journal-restart" | "check-interrupted" | "unfinished" | "security" | "security-missing" | "extend-index" | "compressed-unit" | "rescue-mark";

export type Severity = "error" | "warning" | "note";

export type Effect = "lost" | "hidden" | "untidy";

export type Surveyed = { 
/**
 * Its record.
 */
record: number, 
/**
 * The record of the directory it stands in; its own of the root.
 */
parent: number, 
/**
 * Its name; none where no record tells. Untrusted, like all names.
 */
name: string | null, 
/**
 * Its other names, each a hard link; short ones are left out. Empty for most files.
 */
other_names: Array<SurveyedName>, 
/**
 * What it is.
 */
holder: Holder, 
/**
 * Bytes of its content; of a directory none.
 */
size: number, 
/**
 * When its content was changed last: milliseconds since 1970. None where no
 * record tells.
 */
modified: number | null, 
/**
 * Whether it leads to something else: a symbolic link, or the mount point
 * of another volume.
 */
is_link: boolean, 
/**
 * Its named streams.
 */
streams: Array<SurveyedStream>, 
/**
 * Clusters of all its attributes.
 */
clusters: number, };

export type SurveyedName = { 
/**
 * The record of the directory it stands in.
 */
parent: number, 
/**
 * The name. Untrusted.
 */
name: string, };

export type SurveyedStream = { 
/**
 * Its name. Untrusted.
 */
name: string, 
/**
 * Its bytes.
 */
size: number, };

export type ListedFile = { 
/**
 * The path, with `/` before each name; `/` of the root directory.
 */
path: string, 
/**
 * The name; empty of the root directory.
 */
name: string, 
/**
 * The 8.3 name, if it is another one.
 */
short_name: string | null, 
/**
 * The base record.
 */
record: number, 
/**
 * What it is: `file`, `directory`, or `symlink`, which junctions are as well.
 */
kind: "file" | "directory" | "symlink", 
/**
 * What its reparse point makes of it: `symlink`, `junction`, `wof`, `dedup`, `cloud`, or the tag of another one
 * ([MS-FSCC] 2.1.2.1), such as `0x8000001b`.
 */
reparse: string | null, 
/**
 * Whether it is one of the file system's own files.
 */
is_system: boolean, 
/**
 * Whether its record cannot be read: this is what its directory knows.
 */
is_damaged: boolean, 
/**
 * Bytes of its content; 0 of a directory.
 */
size: number, 
/**
 * Bytes of the clusters of its content; 0 if that is in the record.
 */
allocated: number, 
/**
 * Creation, last change of the content, last change of the record, and last access: 100 ns since 1601, as decimal
 * digits, since a number of JavaScript has too few bits.
 */
times: [string, string, string, string], 
/**
 * The DOS attributes ([MS-FSCC] 2.6).
 */
attributes: number, 
/**
 * The number of its names, without short ones.
 */
links: number, 
/**
 * Its named streams.
 */
streams: Array<ListedStream>, 
/**
 * The stream that the path names, if any: sizes are those of the stream.
 */
stream: string | null, 
/**
 * Where it leads, if it is a link.
 */
target: string | null, };

export type ListedStream = { 
/**
 * The name. Untrusted.
 */
name: string, 
/**
 * Its bytes.
 */
size: number, 
/**
 * Bytes of its clusters.
 */
allocated: number, };

export type Unlisted = { 
/**
 * The path of the directory.
 */
path: string, 
/**
 * Whether its entries could not be listed at all.
 */
is_lost: boolean, 
/**
 * What is wrong, by [`Failure::code`].
 */
code: string, 
/**
 * What is wrong, for people.
 */
message: string, 
/**
 * Where, in bytes, if that is known.
 */
offset: number | null, };

export type Remains = { 
/**
 * Bytes of the image.
 */
image_size: number, 
/**
 * What stays.
 */
sensitive: Sensitive, 
/**
 * Bytes that were wiped.
 */
wiped: Wiped, 
/**
 * Records that are damaged, and were wiped only as far as they could be
 * read: they may hold content of files.
 */
damaged_records: number, };

export type Sensitive = { 
/**
 * Names of files, streams not counted.
 */
file_names: number, 
/**
 * Names of streams and of other attributes, but those of the file system.
 */
stream_names: number, 
/**
 * Labels of the volume.
 */
labels: number, 
/**
 * Security descriptors in files of their own.
 */
security_descriptors: number, 
/**
 * Bytes of the security descriptors that files share, in `$Secure`.
 */
shared_security_bytes: number, 
/**
 * Files with extended attributes.
 */
extended_attributes: number, 
/**
 * Object identifiers.
 */
object_ids: number, 
/**
 * Targets of links, mount points and cloud files.
 */
reparse_points: number, 
/**
 * Keys of encrypted files, and other logged utility streams.
 */
utility_streams: number, 
/**
 * Bytes of `$LogFile` copied, with names and content of records.
 */
log_file_bytes: number, };

export type Wiped = { 
/**
 * After the used part of records.
 */
slack: number, 
/**
 * Of deleted records.
 */
deleted: number, 
/**
 * Content of small files, kept in their records.
 */
resident_data: number, 
/**
 * Times.
 */
times: number, };

export type Holder = "mft" | "system" | "directory" | "file" | "bad";

export type ResizeLimits = { 
/**
 * Bytes of the volume as it is, with its backup boot sector.
 */
size: number, 
/**
 * The least that it can have.
 */
least_size: number, 
/**
 * What does not survive another size.
 */
losses: Array<Loss>, };

export type Resized = { 
/**
 * Bytes of the volume as it was, with its backup boot sector.
 */
old_size: number, 
/**
 * Bytes of the volume as it is now, with its backup boot sector.
 */
size: number, 
/**
 * Clusters that are elsewhere now.
 */
moved_clusters: number, 
/**
 * MFT records with other runlists or sizes.
 */
changed_records: number, 
/**
 * Bytes of the journal, `$LogFile`, which is emptied.
 */
emptied_journal: number, 
/**
 * Bytes of a sector of the volume as it was.
 */
old_sector_size: number, 
/**
 * Bytes of a sector of the volume as it is now.
 */
sector_size: number, 
/**
 * Bad clusters that `$BadClus` names no more.
 */
bad_clusters: number, 
/**
 * Bad clusters that `$BadClus` still names.
 */
kept_bad_clusters: number, 
/**
 * What did not survive.
 */
losses: Array<Loss>, };

export type Loss = { "code": "journal-not-clean" } | { "code": "journal-unreadable" } | { "code": "hibernated" } | { "code": "shadow-copies", 
/**
 * How many.
 */
copies: number, 
/**
 * Bytes of their files.
 */
bytes: number, } | { "code": "encrypted-swap", 
/**
 * Bytes of the files.
 */
bytes: number, } | { "code": "bitlocker", 
/**
 * How many files have it.
 */
files: number, 
/**
 * Bytes of the files.
 */
bytes: number, };

export type Target = "raw" | "ntfsclone" | "metadata" | "partclone" | "qcow2" | "vdi" | "vhd" | "vhd-fixed" | "vhdx" | "vmdk";
