// npm run fuzz [-- --payloads 1000000 --seed 1]
//
// Mutated payloads over every decoder: webhooks of all providers, our own shape, mails, DMARC and TLS reports. Each one must
// end as rows or dead letters, without an exception, in bounded time and memory.

import { parseArgs } from "node:util";
import { fuzzDecoders } from "../ingest/fuzz/fuzz-decoders.ts";

const { values } = parseArgs({
  options: { payloads: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const began = performance.now();
const result = await fuzzDecoders({
  payloads: Number(values.payloads),
  seed: Number(values.seed),
  progress: (done) => process.stderr.write(`\r${done.toLocaleString("en-US")} payloads`),
});
process.stderr.write("\n");
const seconds = (performance.now() - began) / 1000;
process.stdout.write(
  [
    `payloads     ${result.payloads.toLocaleString("en-US")} in ${seconds.toFixed(0)} s, seed ${values.seed}`,
    `items        ${result.rows.toLocaleString("en-US")} rows, ${result.deadLetters.toLocaleString("en-US")} dead letters, ${result.silent.toLocaleString("en-US")} payloads of nothing`,
    `exceptions   ${result.exceptions.length}`,
    `raw ids      ${result.leaks.length} rows or letters that hold an address`,
    `slowest      ${result.slowestMs.toFixed(0)} ms (${result.slowestKind})`,
    `heap         ${result.heapMiB.map((one) => one.toFixed(0)).join(", ")} MiB at each tenth`,
    "",
  ].join("\n"),
);
for (const one of [...result.exceptions, ...result.leaks].slice(0, 10)) process.stdout.write(`${one}\n`);
if (result.exceptions.length > 0 || result.leaks.length > 0 || result.slowestMs > 2000) process.exitCode = 4;
