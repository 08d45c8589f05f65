/** The worker: holds what is open, and answers the calls of the page. */

import { init } from "ntfsclone";
import { problemOf } from "./worker/problem.js";
import { Opened } from "./worker/opened.js";
import type { Asked as Options } from "./worker/writing.js";
import type { Answer, FromWorker, ToWorker } from "./messages.js";

let opened: Opened | undefined;
const running = new Map<number, AbortController>();

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.call === "abort") {
    running.get(data.id)?.abort();
  } else {
    void serve(data);
  }
});

// Load the WebAssembly module while the visitor chooses a file. If that fails, opening tries again, and reports it.
init().catch(() => {});

type Asked = Exclude<ToWorker, { call: "abort" }>;

async function serve(asked: Asked): Promise<void> {
  const { id } = asked;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const { answer, transfer = [] } = await answerTo(asked, {
      signal: controller.signal,
      onProgress: (progress) => tell({ id, progress }),
    });
    tell({ id, answer }, transfer);
  } catch (error) {
    tell({ id, problem: problemOf(error) });
  } finally {
    running.delete(id);
  }
}

async function answerTo(asked: Asked, options: Options): Promise<Answer> {
  switch (asked.call) {
    case "open":
      await opened?.close();
      opened = undefined;
      opened = await Opened.open(asked.question, options);
      return { answer: opened.info };
    case "close":
      await opened?.close();
      opened = undefined;
      return { answer: null };
    case "squares":
      return current().squares(asked.question, options);
    case "survey":
      return { answer: await current().survey(options) };
    case "list":
      return { answer: current().surveyed.listings.list(asked.question) };
    case "rows": {
      const { from, length, ...listing } = asked.question;
      return { answer: current().surveyed.listings.rows(listing, from, length) };
    }
    case "seek": {
      const { prefix, from, ...listing } = asked.question;
      return { answer: current().surveyed.listings.seek(listing, prefix, from) };
    }
    case "rowOf": {
      const { record, ...listing } = asked.question;
      return { answer: current().surveyed.listings.rowOf(listing, record) };
    }
    case "ids":
      return { answer: current().surveyed.listings.indexes(asked.question) };
    case "exportList":
      return { answer: current().exportList(asked.question) };
    case "details":
      return { answer: await current().details(asked.question, options) };
    case "preview":
      return current().preview(asked.question, options);
    case "hash":
      return { answer: await current().hash(asked.question, options) };
    case "file":
      return { answer: current().surveyed.file(asked.question) };
    case "holders":
      return { answer: current().surveyed.holders(asked.question) };
    case "inspect":
      return { answer: await current().inspect(asked.question, options) };
    case "validate":
      return { answer: await current().validate(asked.question, options) };
    case "recordOf":
      return { answer: current().surveyed.files.recordOf(asked.question) };
    case "remains":
      return { answer: await current().remains(options) };
    case "resizeLimits":
      return { answer: await current().resizeLimits(options) };
    case "size":
      return { answer: await current().size(asked.question, options) };
    case "convert":
      return { answer: await current().convert(asked.question, options) };
    case "content":
      return { answer: await current().content(asked.question, options) };
    case "takeOut":
      return { answer: await current().takeOut(asked.question, options) };
    case "bytes":
      return current().bytes(asked.question, options);
  }
}

function current(): Opened {
  if (!opened) {
    throw new Error("nothing is open");
  }
  return opened;
}

function tell(message: FromWorker, transfer: Transferable[] = []): void {
  // The compiler has the types of pages, where this takes an origin.
  (postMessage as (message: FromWorker, transfer: Transferable[]) => void)(message, transfer);
}
