const BLOCK = 1 << 20;

/** A frame of lz4, with blocks that are stored as they are. Its decoder is in the module that is loaded when it is needed. */
export function lz4Frame(bytes) {
  const blocks = Math.ceil(bytes.length / BLOCK);
  // Magic, version 1 with blocks of up to 4 MiB, checksum of these two; then the length of each block, and 0.
  const frame = new Uint8Array(7 + 4 * (blocks + 1) + bytes.length);
  const view = new DataView(frame.buffer);
  frame.set([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
  let end = 7;
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    view.setUint32(end, 0x80000000 + block.length, true);
    frame.set(block, end + 4);
    end += 4 + block.length;
  }
  return frame;
}
