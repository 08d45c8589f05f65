const BYTES_OF_BATCH = 256 << 10;

/** The same bytes in larger pieces: sending each to the browser takes time. */
export function batches(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const pieces: Uint8Array[] = [];
        let length = 0;
        let isAtEnd = false;
        while (length < BYTES_OF_BATCH && !isAtEnd) {
          const { value, done } = await reader.read();
          isAtEnd = done;
          if (value) {
            pieces.push(value);
            length += value.length;
          }
        }
        if (length > 0) {
          controller.enqueue(joined(pieces, length));
        }
        if (isAtEnd) {
          controller.close();
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function joined(pieces: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
