import type { Progress } from "ntfsclone";

const MILLISECONDS_BETWEEN_REPORTS = 100;

/** Reports progress, but not each time that it is called: a message to the page takes longer than a step of the work. */
export function throttled(onProgress: ((progress: Progress) => void) | undefined): (progress: Progress) => void {
  let lastReport = -Infinity;
  return (progress) => {
    const now = performance.now();
    if (now - lastReport >= MILLISECONDS_BETWEEN_REPORTS) {
      lastReport = now;
      onProgress?.(progress);
    }
  };
}
