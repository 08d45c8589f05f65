// esbuild leaves `new URL(...)` as it is: it is told where the module is, and copies it (--loader:.wasm=file).

import { init } from "ntfsclone";
import wasm from "ntfsclone/ntfsclone_bg.wasm";
import { show } from "../show.js";

await init(new URL(wasm, import.meta.url));
await show();
