// What is done beside the browser: files are made and served, and the program is asked what is right.

import { dirname } from "node:path";
import { digestOfFile } from "../support/content.js";
import * as fixtures from "../support/fixtures.js";
import { ntfscloneMayFail } from "../support/fixtures.js";
import { serve } from "../support/server.js";

const FILES = {
  "demo.img": fixtures.demoImage,
  "demo.img.zst": fixtures.demoCompressed,
  "demo.ntfs": fixtures.demoVolume,
  "cut.img": fixtures.cutImage,
};

export default async function setup({ provide }) {
  const files = Object.entries(FILES).map(([name, fixture]) => {
    const path = fixture();
    return {
      name,
      path,
      info: { ...JSON.parse(ntfscloneMayFail("info", "--json", path)), source: name },
      report: { ...JSON.parse(ntfscloneMayFail("verify", "--json", path)), source: name },
    };
  });
  // Of another origin, with ranges, and nothing said of Content-Range.
  const server = await serve({ "/": dirname(fixtures.demoImage()) }, { headers: { "Access-Control-Allow-Origin": "*" } });
  provide("files", files);
  provide("restored", await digestOfFile(fixtures.demoRestored()));
  provide("otherOrigin", server.origin);
  return () => server.close();
}
