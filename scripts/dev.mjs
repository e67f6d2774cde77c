// Watches the models: on a change compiles, builds what the change touches on the local warehouse, and runs the tests of those models.
//   npm run dev [-- --home DIR --project DIR]
import { spawn } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const given = process.argv.slice(2);
const projectAt = given.indexOf("--project");
const project = projectAt >= 0 ? resolve(given[projectAt + 1] ?? ".") : root;
const homeAt = given.indexOf("--home");
const home = homeAt >= 0 ? ["--home", given[homeAt + 1] ?? ".inboxloop"] : [];

/** Runs the command line from its sources; resolves with the exit code. */
const inboxloop = (...args) =>
  new Promise((done) => {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", join(root, "cli/main.ts"), ...home, ...args, "--project", project],
      {
        cwd: root,
        stdio: "inherit",
      },
    );
    child.on("exit", (code) => done(code ?? 1));
  });

/** The models that a change may touch, as selectors; everything after a change to an include or the settings. */
function selectorsOf(paths) {
  const found = new Set();
  for (const path of paths) {
    const [folder, ...rest] = path.split("/");
    if (folder === "definitions" && extname(path) === ".sqlx") found.add(`${basename(path, ".sqlx")}+`);
    else if (folder === "tests" && rest[1] !== undefined && extname(rest[1]) === "") found.add(rest[1]);
    else return [];
  }
  return [...found];
}

async function turn(paths) {
  const selectors = selectorsOf(paths);
  console.error(`\n${new Date().toLocaleTimeString()}  ${paths.length === 0 ? "starting" : paths.join(", ")}`);
  const onlyTests = paths.length > 0 && paths.every((path) => path.startsWith("tests/"));
  if (!onlyTests && (await inboxloop("build")) !== 0) return;
  await inboxloop("test", ...selectors.flatMap((selector) => ["--select", selector]));
}

const pending = new Set();
let timer;
let busy = false;
async function settle() {
  if (busy) return;
  busy = true;
  while (pending.size > 0) {
    const paths = [...pending].sort();
    pending.clear();
    await turn(paths);
  }
  busy = false;
}

for (const folder of ["definitions", "includes", "tests/models"]) {
  if (!existsSync(join(project, folder))) continue;
  watch(join(project, folder), { recursive: true }, (_event, file) => {
    if (file === null || file.endsWith("~") || basename(file).startsWith(".")) return;
    pending.add(`${folder}/${file}`);
    clearTimeout(timer);
    timer = setTimeout(settle, 250);
  });
}
await turn([]);
console.error("watching definitions/, includes/ and tests/models/; Ctrl-C ends");
