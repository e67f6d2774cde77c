// npm run bench:drift [-- --weeks 500] [--shifted 100] [--most 500000]
//
// Whether monitoring.drift keeps its promise, over weeks from a generator of its own (bench/drift/weeks.ts):
//   stationary   weeks in which nothing moved: in at most 5 % of them one feature or more is called moved or drifted
//   shifted      weeks in which one feature moved by a PSI of 0.25: found in at least 95 % from 5,000 messages a week on, unless whole days
//                share values: then seven days say less, and no limit is stated
// Sizes are messages of the current week, 50 to `--most`, small ones more often than large ones. Each size goes round the worlds: customers
// with one message or many, values that are the customer's own, busy customers that differ, days that share values.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { DriftRoom, worlds } from "./drift/weeks.ts";

const { values } = parseArgs({
  options: {
    weeks: { type: "string", default: "500" },
    shifted: { type: "string", default: "100" },
    most: { type: "string", default: "500000" },
  },
});

/** How many of a hundred weeks have that size. */
const sizes = [
  { messages: 50, share: 30 },
  { messages: 500, share: 30 },
  { messages: 5_000, share: 30 },
  { messages: 50_000, share: 8 },
  { messages: 500_000, share: 2 },
].filter(({ messages }) => messages <= Number(values.most));

const isFound = (level: string): boolean => level === "moved" || level === "drifted";
const share = (part: number, whole: number): string => `${part} of ${whole} (${((100 * part) / whole).toFixed(1)} %)`;
const names = Object.keys(worlds);
const cache = mkdtempSync(join(tmpdir(), "inboxloop-drift-"));
const room = await DriftRoom.open(resolve(import.meta.dirname, ".."), cache);
let seed = 0;
try {
  let all = 0;
  let allFalse = 0;
  for (const size of sizes) {
    const weeks = Math.round((Number(values.weeks) * size.share) / 100);
    const wrong = new Map(names.map((name) => [name, 0]));
    for (let week = 0; week < weeks; week++) {
      const name = names[week % names.length]!;
      const told = await room.tell({ ...worlds[name]!, seed: seed++, messages: size.messages });
      if (told.some(({ level }) => isFound(level))) wrong.set(name, wrong.get(name)! + 1);
    }
    const falseWeeks = [...wrong.values()].reduce((a, b) => a + b, 0);
    all += weeks;
    allFalse += falseWeeks;
    const where = [...wrong].filter(([, n]) => n > 0).map(([name, n]) => `${name} ${n}`);
    console.log(
      `stationary    ${size.messages} messages a week: a feature is wrongly called in ${share(falseWeeks, weeks)}${where.length > 0 ? `; ${where.join(", ")}` : ""}`,
    );
  }
  console.log(`stationary    all sizes: ${share(allFalse, all)} (limit 5 %)`);
  const moved = ["opens_7d", "click_rate_90d", "isp", "days_since_last_open"];
  for (const name of names) {
    let found = 0;
    const weeks = Math.ceil(Number(values.shifted) / names.length);
    for (let week = 0; week < weeks; week++) {
      const feature = moved[week % moved.length]!;
      const told = await room.tell({ ...worlds[name]!, seed: seed++, messages: 5_000, shift: { feature, psi: 0.25 } });
      if (told.some((one) => one.feature === feature && isFound(one.level))) found++;
    }
    console.log(
      `shifted       ${name}, 5,000 messages a week: found in ${share(found, weeks)}${worlds[name]!.ofDay > 0 ? "" : " (limit 95 %)"}`,
    );
  }
} finally {
  await room.close();
  rmSync(cache, { recursive: true, force: true });
}
