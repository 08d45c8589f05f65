/** Addresses of scripts, as Trusted Types: the page's policy allows no others. */

interface Policy {
  createScriptURL(address: string): string;
}

declare const trustedTypes: undefined | { createPolicy(name: string, rules: Policy): Policy };

const rules: Policy = { createScriptURL: (address) => address };
const policy = typeof trustedTypes === "undefined" ? rules : trustedTypes.createPolicy("ntfsclone", rules);

/**
 * Starts a worker under the page's policy. One from an address of its own would have that of the server's answer, which
 * may be none; one made of a Blob has its maker's.
 */
export function startWorker(address: string): Worker {
  const absolute = new URL(address, document.baseURI).href;
  const start = new Blob([`import ${JSON.stringify(absolute)};`], { type: "text/javascript" });
  const url = URL.createObjectURL(start);
  try {
    return new Worker(policy.createScriptURL(url), { type: "module" });
  } finally {
    // Workers have taken it by then, also where they fetch it later.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

export function registerServiceWorker(): Promise<ServiceWorkerRegistration> {
  return navigator.serviceWorker.register(policy.createScriptURL(new URL("./service-worker.js", document.baseURI).href));
}
