import type { Announcement, ToServiceWorker } from "./download-messages.js";
import { Failure } from "./failure.js";
import { strings } from "./strings.js";

const MILLISECONDS_BETWEEN_SIGNS_OF_LIFE = 10_000;

/** A download that the service worker answers, with the bytes that come through `port`. */
export interface Download {
  port: MessagePort;
  /** When it is over, whether it ended well or not. */
  end(): void;
}

/** Begins a download of that name, of so many bytes if that is known. */
export async function beginDownload(name: string, size: number | null): Promise<Download> {
  const worker = await serviceWorker();
  const { port1, port2 } = new MessageChannel();
  const address = new URL(`./download/${crypto.randomUUID()}`, document.baseURI).href;
  const announcement: Announcement = { kind: "download", address, name, size, port: port1 };
  await announce(worker, announcement);
  // A link would not go by the service worker in every browser.
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.src = address;
  document.body.append(frame);
  const alive: ToServiceWorker = { kind: "alive" };
  const timer = setInterval(() => worker.postMessage(alive), MILLISECONDS_BETWEEN_SIGNS_OF_LIFE);
  return {
    port: port2,
    end() {
      clearInterval(timer);
      // At once, it might stop the download's last bytes.
      setTimeout(() => frame.remove(), MILLISECONDS_BETWEEN_SIGNS_OF_LIFE);
    },
  };
}

async function serviceWorker(): Promise<ServiceWorker> {
  const registration = "serviceWorker" in navigator ? await navigator.serviceWorker.getRegistration() : undefined;
  if (!registration) {
    throw new Failure({ code: "write", message: strings.saving.noDownload });
  }
  const { active } = await navigator.serviceWorker.ready;
  if (!active) {
    throw new Failure({ code: "write", message: strings.saving.noDownload });
  }
  return active;
}

function announce(worker: ServiceWorker, announcement: Announcement): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    worker.postMessage(announcement, [announcement.port, port2]);
  });
}

/** A small file, made of text. */
export function downloadText(name: string, type: string, text: string): void {
  downloadBlob(name, new Blob([text], { type }));
}

export function downloadBlob(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), MILLISECONDS_BETWEEN_SIGNS_OF_LIFE);
}
