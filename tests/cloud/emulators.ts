import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Installed } from "./install.ts";

export interface PubSubEmulator {
  /** `host:port` of its gRPC. */
  readonly host: string;
  stop(): Promise<void>;
}

export interface BigQueryEmulator {
  /** `http://host:port` of its REST. */
  readonly emulatorHost: string;
  /** `host:port` of its Storage APIs, gRPC. */
  readonly storageEmulatorHost: string;
  stop(): Promise<void>;
}

/** Google's in-memory Pub/Sub on a free loopback port. */
export async function startPubSub({ pubsub }: Installed): Promise<PubSubEmulator> {
  const child = spawn(pubsub, { stdio: ["pipe", "pipe", "inherit"] });
  const stop = stoppedWithUs(child);
  const [host] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  return { host, stop };
}

/** The BigQuery emulator, with nothing in it, on free loopback ports. */
export async function startBigQuery(installed: Installed): Promise<BigQueryEmulator> {
  const data = await mkdtemp(join(tmpdir(), "inboxloop-bigquery-"));
  const [rest, storage] = [await freePort(), await freePort()];
  const [program, ...first] = installed.bigquery;
  const child = spawn(
    program,
    [...first, "--host", "127.0.0.1", "--port", String(rest), "--grpc-port", String(storage), "--data-dir", data],
    { env: { PATH: process.env["PATH"], HOME: installed.bigqueryHome }, stdio: ["ignore", "ignore", "pipe"] },
  );
  const end = stoppedWithUs(child);
  const stop = async () => {
    await end();
    await rm(data, { recursive: true, force: true });
  };
  try {
    await answers(`http://127.0.0.1:${rest}/bigquery/v2/projects/ready/queries`, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { emulatorHost: `http://127.0.0.1:${rest}`, storageEmulatorHost: `127.0.0.1:${storage}`, stop };
}

/** What is started here is stopped here, by its own process id, at the latest when this process ends. */
function stoppedWithUs(child: ChildProcess): () => Promise<void> {
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  return async () => {
    process.off("exit", kill);
    await end(child);
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until the emulator runs a query; its last words are in the error when it does not. */
async function answers(url: string, child: ChildProcess): Promise<void> {
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-4000);
  });
  let why = "";
  for (const until = Date.now() + 90_000; Date.now() < until; await sleep(200)) {
    if (child.exitCode !== null) break;
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "select 1", useLegacySql: false }),
    }).catch(() => undefined);
    if (answer?.ok) return;
    why = answer ? await answer.text() : why;
  }
  throw new Error(`the BigQuery emulator does not answer: ${why}\n${said}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(late);
}
