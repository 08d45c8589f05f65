import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const SERVICE_WORKER = "service-worker";

/** Tells the service worker what the page consists of, so that it works offline. */
function precache(): Plugin {
  return {
    name: "precache",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const hash = createHash("sha256");
        const files: string[] = [];
        for (const output of Object.values(bundle)) {
          if (output.fileName !== `${SERVICE_WORKER}.js`) {
            files.push(`./${output.fileName}`);
            hash.update(output.type === "chunk" ? output.code : output.source);
          }
        }
        for (const name of readdirSync("public")) {
          files.push(`./${name}`);
          hash.update(readFileSync(`public/${name}`));
        }
        const worker = bundle[`${SERVICE_WORKER}.js`];
        if (worker?.type !== "chunk") {
          this.error("the service worker is missing");
        }
        const version = hash.digest("hex").slice(0, 16);
        worker.code = `const PRECACHE=${JSON.stringify({ version, files })};\n${worker.code}`;
      },
    },
  };
}

export default defineConfig({
  // Served from any folder.
  base: "./",
  plugins: [precache()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // What is inlined as a data: address would need more than the policy allows.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: "index.html", [SERVICE_WORKER]: "src/service-worker.ts" },
      output: {
        // It controls the folder that it is in.
        entryFileNames: ({ name }) => (name === SERVICE_WORKER ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
