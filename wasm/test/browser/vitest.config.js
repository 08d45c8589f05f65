// The tests in this folder run in a real browser, whose path NTFSCLONE_BROWSER tells.

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { options } from "../support/chromium.js";
import { demoImage } from "../support/fixtures.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const fixtures = dirname(demoImage());

export default defineConfig({
  root,
  // The package is taken as it is, and so are the files that are opened.
  optimizeDeps: { exclude: ["ntfsclone"] },
  resolve: { alias: { ntfsclone: `${root}pkg/js/browser.js` } },
  publicDir: fixtures,
  server: { fs: { allow: [root, fixtures] } },
  test: {
    include: ["test/browser/*.test.js"],
    globalSetup: ["test/browser/setup.js"],
    fileParallelism: false,
    testTimeout: 30_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: options }),
      instances: [{ browser: "chromium" }],
    },
  },
});
