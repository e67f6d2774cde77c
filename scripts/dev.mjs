// Watches the models: on a change compiles, builds what the change touches on the local warehouse, and runs the tests of those models.
//   npm run dev [-- --home DIR --project DIR --sources DIR --vars a=1]
import { spawn } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    home: { type: "string" },
    project: { type: "string" },
    sources: { type: "string" },
    vars: { type: "string", multiple: true },
  },
});
const project = values.project === undefined ? root : resolve(values.project);
const home = values.home === undefined ? [] : ["--home", resolve(values.home)];
const sources = values.sources === undefined ? [] : ["--sources", resolve(values.sources)];
const vars = (values.vars ?? []).flatMap((text) => ["--vars", text]);

/** Exit code of a command that was called in a wrong way; see errors/user-error.ts. */
const usage = 2;

/** Runs the command line from its sources; resolves with the exit code. */
const inboxloop = (...args) =>
  new Promise((done) => {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", join(root, "cli/main.ts"), ...home, ...args, "--project", project, ...vars],
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
  if (!onlyTests && (await inboxloop("build", ...sources)) !== 0) return;
  const code = await inboxloop("test", ...selectors.flatMap((selector) => ["--select", selector]));
  // A file need not be called like its action, and a unit test is none: then all tests run.
  if (code === usage) await inboxloop("test");
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
