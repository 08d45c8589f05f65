// What a worker of this browser does at best: it reads a file, and writes as many bytes to a file of the same kind as the page does.

/** Of 4 MiB, a read and a write take longer. */
const PIECE = 16 << 20;
const WRITES_IN_FLIGHT = 2;

const jobs = { read, write, copy };

onmessage = async ({ data: { job, file } }) => {
  try {
    const before = performance.now();
    await jobs[job](file);
    postMessage({ seconds: (performance.now() - before) / 1000 });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};

function read(file) {
  for (let offset = 0; offset < file.size; offset += PIECE) {
    piece(file, offset);
  }
}

function write(file) {
  const bytes = new Uint8Array(PIECE).fill(0xa5);
  return written((write) => eachPiece(file.size, (offset, length) => write(offset, bytes.subarray(0, length))));
}

function copy(file) {
  return written((write) => eachPiece(file.size, (offset) => write(offset, piece(file, offset))));
}

function piece(file, offset) {
  return new FileReaderSync().readAsArrayBuffer(file.slice(offset, Math.min(offset + PIECE, file.size)));
}

async function eachPiece(size, work) {
  for (let offset = 0; offset < size; offset += PIECE) {
    await work(offset, Math.min(PIECE, size - offset));
  }
}

/** Writes a file, and removes it. */
async function written(work) {
  const root = await navigator.storage.getDirectory();
  const handle = await root.getFileHandle("ceiling", { create: true });
  const writable = await handle.createWritable();
  const inFlight = [];
  await work(async (position, data) => {
    inFlight.push(writable.write({ type: "write", position, data }));
    if (inFlight.length >= WRITES_IN_FLIGHT) {
      await inFlight.shift();
    }
  });
  await Promise.all(inFlight);
  await writable.close();
  await root.removeEntry("ceiling");
}
