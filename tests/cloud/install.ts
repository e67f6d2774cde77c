import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = import.meta.dirname;
const folder = join(here, ".emulators");
const pythons = ["python3.13", "python3"];

export interface Installed {
  /** Google's in-memory Pub/Sub server, as a program. */
  readonly pubsub: string;
  /** The BigQuery emulator, as a program and what it is told first. */
  readonly bigquery: readonly [string, ...string[]];
  /** Its home: DuckDB looks for its extensions there. */
  readonly bigqueryHome: string;
}

/**
 * Brings both emulators into `tests/cloud/.emulators`, at the versions pinned beside this file; what is there already stays.
 * Throws one clear message where Python or Go is missing: test:cloud asks for them, nothing else does.
 */
export async function installEmulators(say: (line: string) => void): Promise<Installed> {
  await mkdir(folder, { recursive: true });
  return { ...(await installBigQuery(say)), pubsub: await installPubSub(say) };
}

async function installBigQuery(say: (line: string) => void): Promise<Omit<Installed, "pubsub">> {
  const requirements = join(here, "requirements.txt");
  const digest = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex");
  const venv = join(folder, "bigquery");
  const python = join(venv, "bin", "python");
  const home = join(venv, "home");
  const mark = join(venv, "installed");
  if (!existsSync(mark) || (await readFile(mark, "utf8")) !== digest) {
    const base = await findPython();
    say("installing the BigQuery emulator (local-bigquery, from PyPI)");
    await rm(venv, { recursive: true, force: true });
    await must("Python's venv", base, ["-m", "venv", venv]);
    await must("pip", python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
    await placeExtensions(python, home);
    await writeFile(mark, digest);
  }
  return { bigquery: [python, join(here, "start_bigquery.py")], bigqueryHome: home };
}

/** Puts the packaged DuckDB extensions where DuckDB would have downloaded them to. */
async function placeExtensions(python: string, home: string): Promise<void> {
  const ask =
    "import duckdb, sysconfig; print(sysconfig.get_paths()['purelib']); print(duckdb.sql('pragma platform').fetchone()[0])";
  const [packages = "", platform = ""] = (await run(python, ["-c", ask])).stdout.trim().split("\n");
  for (const name of readdirSync(packages).filter((name) => /^duckdb_extension_\w+$/.test(name))) {
    const versions = join(packages, name, "extensions");
    for (const version of readdirSync(versions)) {
      const to = join(home, ".duckdb", "extensions", version, platform);
      await mkdir(to, { recursive: true });
      await cp(join(versions, version), to, { recursive: true });
    }
  }
}

/** A Python that the emulator runs on: 3.13. Looked for on the path, among pyenv's, or where INBOXLOOP_PYTHON says. */
async function findPython(): Promise<string> {
  const pyenv = join(homedir(), ".pyenv", "versions");
  const named = process.env["INBOXLOOP_PYTHON"];
  const candidates = [
    ...(named ? [named] : pythons),
    ...(existsSync(pyenv) && !named ? readdirSync(pyenv).map((name) => join(pyenv, name, "bin", "python3")) : []),
  ];
  for (const candidate of candidates) {
    const version = await run(candidate, ["-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]).catch(
      () => undefined,
    );
    if (version?.stdout.trim() === "3.13") return candidate;
  }
  throw new Error(
    `test:cloud needs Python 3.13 for the BigQuery emulator; tried ${candidates.join(", ")}.\n` +
      "next: install it, or set INBOXLOOP_PYTHON=/path/to/python3.13. (npm test needs neither Python nor Go.)",
  );
}

async function installPubSub(say: (line: string) => void): Promise<string> {
  const source = join(here, "pstest");
  const program = join(folder, "pstest");
  const hash = createHash("sha256");
  for (const name of ["go.mod", "go.sum", "main.go"]) hash.update(await readFile(join(source, name)));
  const digest = hash.digest("hex");
  const mark = `${program}.installed`;
  if (existsSync(program) && existsSync(mark) && (await readFile(mark, "utf8")) === digest) return program;
  const version = await run("go", ["version"]).catch(() => undefined);
  if (!version) {
    throw new Error(
      "test:cloud needs Go for Google's in-memory Pub/Sub server (cloud.google.com/go/pubsub/pstest), and there is no `go`.\n" +
        "next: install Go 1.24 or later. (npm test needs neither Python nor Go.)",
    );
  }
  say("building Google's in-memory Pub/Sub server (pstest, from its Go module)");
  await must("go build", "go", ["build", "-o", program, "."], source);
  await writeFile(mark, digest);
  return program;
}

async function must(what: string, command: string, args: readonly string[], cwd = dirname(folder)): Promise<void> {
  try {
    await run(command, args, { cwd, maxBuffer: 64 << 20 });
  } catch (error) {
    const { stderr = "", message } = error as { stderr?: string; message: string };
    throw new Error(
      `test:cloud could not install its emulators: ${what} failed.\n${(stderr || message).trim().slice(-2000)}`,
    );
  }
}
