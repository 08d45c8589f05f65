// esbuild leaves `new URL(...)` as it is: it is told where the modules are, and copies them (--loader:.wasm=file).

import { init } from "ntfsclone";
import codecs from "ntfsclone/ntfsclone_codecs_bg.wasm";
import deferred from "ntfsclone/ntfsclone_deferred_bg.wasm";
import wasm from "ntfsclone/ntfsclone_bg.wasm";
import { show } from "../show.js";

await init(new URL(wasm, import.meta.url), new URL(codecs, import.meta.url), new URL(deferred, import.meta.url));
await show();
