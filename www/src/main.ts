import { App } from "./app.js";
import { registerServiceWorker } from "./trusted-scripts.js";

const root = document.getElementById("app");
if (root) {
  void new App(root).start();
}

if ("serviceWorker" in navigator) {
  // Without it the page works too, but not offline.
  registerServiceWorker().catch(() => {});
}
