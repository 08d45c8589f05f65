import { count } from "../numbers.js";
import { Fields, hexadecimal, type Field } from "./field.js";

/** The first sector of a volume, and the last. */
export function bootSector(bytes: DataView, name: string): Field {
  const fields = new Fields(bytes, 0, bytes.byteLength);
  fields.add(0, 3, "Jump to the boot code");
  fields.letters(3, 8, "OEM ID");
  fields.number(11, 2, "Bytes per sector");
  fields.number(13, 1, "Sectors per cluster", sectorsPerCluster);
  fields.add(14, 7, "Not used");
  fields.number(21, 1, "Media descriptor", hexadecimal);
  fields.add(22, 2, "Not used");
  fields.number(24, 2, "Sectors per track");
  fields.number(26, 2, "Heads");
  fields.number(28, 4, "Hidden sectors");
  fields.add(32, 8, "Not used");
  fields.number(40, 8, "Sectors");
  cluster(fields, 48, "$MFT begins at");
  cluster(fields, 56, "$MFTMirr begins at");
  fields.number(64, 1, "Size of an MFT record", clustersOrBytes);
  fields.add(65, 3, "Not used");
  fields.number(68, 1, "Size of an index record", clustersOrBytes);
  fields.add(69, 3, "Not used");
  fields.number(72, 8, "Serial number", () => serial(bytes));
  fields.number(80, 4, "Checksum", hexadecimal);
  fields.add(84, 426, "Boot code");
  fields.number(510, 2, "Signature", hexadecimal);
  fields.rest("Rest of the sector");
  return { offset: 0, length: bytes.byteLength, name, parts: fields.parts };
}

function cluster(fields: Fields, at: number, name: string): void {
  const lcn = fields.peek(at, 8);
  fields.add(at, 8, name, { value: `cluster ${count(lcn)}`, target: { lcn } });
}

/** From 244 on, a power of two: large clusters. */
function sectorsPerCluster(number: number): string {
  return count(number > 128 ? 2 ** (256 - number) : number);
}

/** If negative, a power of two of bytes. */
function clustersOrBytes(number: number): string {
  return number > 127 ? `${count(2 ** (256 - number))} bytes` : `${count(number)} clusters`;
}

function serial(bytes: DataView): string {
  return bytes.byteLength < 80 ? "" : bytes.getBigUint64(72, true).toString(16).toUpperCase().padStart(16, "0");
}
