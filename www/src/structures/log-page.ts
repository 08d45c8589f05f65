import { Fields, hexadecimal, type Field } from "./field.js";
import { protectedHeader, withoutFixups } from "./fixups.js";

/** `RSTR`. */
const RESTART = 0x52545352;

/** A page of `$LogFile`: the first two tell where to begin, all others have what was done. */
export function logPage(protected_: DataView<ArrayBuffer>): Field {
  const bytes = withoutFixups(protected_);
  const fields = new Fields(bytes, 0, bytes.byteLength);
  const isRestart = fields.peek(0, 4) === RESTART;
  protectedHeader(fields);
  if (isRestart) {
    restartPage(fields);
  } else {
    fields.number(8, 8, "Last log sequence number, or place in the file");
    fields.number(16, 4, "Flags", hexadecimal);
    fields.number(20, 2, "Pages of this transfer");
    fields.number(22, 2, "Place in this transfer");
    fields.number(24, 2, "Next record at");
    fields.add(26, 6, "Padding");
    fields.number(32, 8, "Last log sequence number that ends here");
  }
  fields.rest(isRestart ? "Rest of the page" : "Log records");
  return { offset: 0, length: bytes.byteLength, name: isRestart ? "Restart page of $LogFile" : "Page of $LogFile", parts: fields.parts };
}

function restartPage(fields: Fields): void {
  fields.number(8, 8, "Log sequence number of chkdsk");
  fields.number(16, 4, "Size of a restart page");
  fields.number(20, 4, "Size of a log page");
  const at = fields.number(24, 2, "Restart area at");
  fields.number(26, 2, "Minor version");
  fields.number(28, 2, "Major version");
  const area = fields.within(at, at + 48);
  area.number(0, 8, "Current log sequence number");
  area.number(8, 2, "Clients");
  area.number(10, 2, "First free client");
  area.number(12, 2, "First client in use");
  area.number(14, 2, "Flags", (number) => (number === 2 ? "unmounted cleanly" : hexadecimal(number)));
  area.number(16, 4, "Bits of sequence numbers");
  area.number(20, 2, "Length of the restart area");
  area.number(22, 2, "Offset of the clients");
  area.number(24, 8, "Size of $LogFile");
  area.number(32, 4, "Length of the last record");
  area.number(36, 2, "Length of a record's header");
  area.number(38, 2, "Data of a page at");
  fields.add(at, area.length, "Restart area", { parts: area.parts });
}
