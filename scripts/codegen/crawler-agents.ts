import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const list = z.array(
  z.object({ pattern: z.string(), instances: z.array(z.string()).default([]), tags: z.array(z.string()).default([]) }),
);

/** Programs that fetch what is in an e-mail by themselves. Libraries and feed readers stand in front of people too, and other lists are too wide. */
const wanted = new Set([
  "scanner",
  "social-preview",
  "monitoring",
  "browser-automation",
  "ai-crawler",
  "archiver",
  "academic",
  "search-engine",
]);
/** Mail providers' image relays, which load when the reader opens; and browsers inside of apps, in which people read. */
const people =
  /googleimageproxy|yahoomailproxy|fastmail|duckduckgo|startpageprivateimageproxy|viber|metaiab|amazon cloudfront|coccoc|daum|mail\\\.ru|github-camo|mastodon|friendica|lemmy|^y!j$|fluid/i;

/**
 * includes/crawler_agents.js: what of monperrus/crawler-user-agents the words of includes/machines.js do not know yet, in lower case, as RE2 reads
 * it. Brought up to date by `npm install --save-dev --save-exact crawler-user-agents@latest && npm run codegen`.
 */
export function crawlerAgents(root: string, known: RegExp): string {
  const folder = join(root, "node_modules/crawler-user-agents");
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  const entries = list.parse(JSON.parse(readFileSync(join(folder, "crawler-user-agents.json"), "utf8")));
  const patterns = entries
    .filter(({ pattern, tags }) => tags.some((tag) => wanted.has(tag)) && !people.test(pattern))
    // A class in capitals (\S) would become its opposite in lower case; `Owler \(ows` and its like stay.
    .filter(({ pattern }) => !/\\[A-Z]/.test(pattern) && pattern.length >= 4)
    .filter(({ instances, pattern }) =>
      (instances.length > 0 ? instances : [pattern.replaceAll("\\", "")]).some((one) => !known.test(one.toLowerCase())),
    )
    .map(({ pattern }) => pattern.toLowerCase().replaceAll("\\/", "/").replaceAll("'", "."))
    // A name is no part of another word: `ning/` is not in `lightning/`.
    .map((pattern) => (/^[a-z0-9]/.test(pattern) ? `\\b${pattern}` : pattern));
  const lines = [...new Set(patterns)].sort().map((pattern) => `  ${JSON.stringify(pattern)},`);
  return [
    `// From crawler-user-agents ${version} (MIT), by scripts/codegen/crawler-agents.ts; do not edit.`,
    "",
    "module.exports = [",
    ...lines,
    "];",
    "",
  ].join("\n");
}
