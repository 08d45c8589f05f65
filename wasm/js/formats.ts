/** A partition table, or none: the disk is then the volume. */
export type Disk = "gpt" | "mbr" | "none";

/** A format that a volume can be converted to. */
export interface Format {
  /** Endings of the names of its files, without a dot, the usual one first. None if they are those of another format. */
  extensions: readonly string[];
  /** The partition table that it has without the option `disk`; null if it holds the volume alone and has none. */
  disk: Disk | null;
}

/** What an image can be made into. */
export type Target =
  /** The volume, byte for byte as `ntfsclone --restore-image` writes it. */
  | "raw"
  /** An image of ntfsclone. */
  | "ntfsclone"
  /** An image with what the file system keeps, and nothing of the content of files. */
  | "metadata"
  /** An image of partclone, as Clonezilla has them. */
  | "partclone"
  /** A disk of QEMU, KVM and Proxmox. As in all disks, the volume is a partition of it, in a GPT unless `disk` is given. */
  | "qcow2"
  /** A disk of VirtualBox. */
  | "vdi"
  /** A disk of old Hyper-V and Virtual PC, up to 2040 GiB. */
  | "vhd"
  /** A disk of Azure: all bytes, also the free ones. */
  | "vhd-fixed"
  /** A disk of Hyper-V; Windows mounts it with a double click. */
  | "vhdx"
  /** A disk of VMware, compressed: to be imported (streamOptimized). */
  | "vmdk";

/** All formats, as the library's table of writers has them. */
export const formats: Readonly<Record<Target, Format>> = {
  raw: { extensions: ["raw"], disk: "none" },
  ntfsclone: { extensions: ["ntfsclone"], disk: null },
  metadata: { extensions: [], disk: null },
  partclone: { extensions: ["partclone", "ntfs-ptcl-img"], disk: null },
  qcow2: { extensions: ["qcow2"], disk: "gpt" },
  vdi: { extensions: ["vdi"], disk: "gpt" },
  vhd: { extensions: ["vhd"], disk: "gpt" },
  "vhd-fixed": { extensions: [], disk: "gpt" },
  vhdx: { extensions: ["vhdx"], disk: "gpt" },
  vmdk: { extensions: ["vmdk"], disk: "gpt" },
};
