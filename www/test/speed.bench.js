// Prints how fast the page is, beside the browser's own ceiling and the program: `cargo xtask bench-page`.

import { measure } from "./support/speed.js";

const [mib = "500", rounds = "3"] = process.argv.slice(2);

const results = await measure({ mib: Number(mib), rounds: Number(rounds) });
const rows = results.map(({ name, bytes, page, ceiling, program, seconds }) => ({
  job: name,
  MiB: Math.round(bytes / 2 ** 20),
  "page (s)": rounded(page),
  "ceiling (s)": rounded(ceiling),
  "program (s)": rounded(program),
  "of the ceiling": rounded(ceiling && ceiling / page),
  "of the program": rounded(program / page),
  "all of the page (s)": seconds.page.map(rounded).join(" "),
}));
console.table(rows);

function rounded(number) {
  return number === null ? null : Number(number.toFixed(2));
}
