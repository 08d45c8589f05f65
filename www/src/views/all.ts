import { files } from "../browser/files-view.js";
import type { Context, View } from "../context.js";
import type { ViewName } from "../route.js";
import { bytes } from "./bytes.js";
import { convert } from "./convert.js";
import { overview } from "./overview.js";
import { validate } from "./validate.js";

/** The views of what is open. They are loaded while the visitor looks for a file. */
export function viewsOf(context: Context): Record<ViewName, View> {
  return { overview: overview(context), files: files(context), validate: validate(context), convert: convert(context), bytes: bytes(context) };
}
