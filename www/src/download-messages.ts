/** How a download is announced to the service worker, and how its bytes come there. */

export interface Announcement {
  kind: "download";
  /** The address that the download will be fetched from. */
  address: string;
  name: string;
  /** In bytes, if that is known. */
  size: number | null;
  /** Gives the bytes, as {@link ToDownload}. */
  port: MessagePort;
}

/** To the service worker. `alive` comes now and then, so that the browser lets it live. */
export type ToServiceWorker = Announcement | { kind: "alive" };

export type ToDownload = { kind: "bytes"; bytes: Uint8Array<ArrayBuffer> } | { kind: "end" } | { kind: "failed" };

export type FromDownload = { kind: "pull" } | { kind: "cancelled" };
