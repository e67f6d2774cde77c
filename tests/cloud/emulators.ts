import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Installed } from "./install.ts";

export interface Emulators {
  /** `host:port` of Pub/Sub's gRPC. */
  readonly pubsub: string;
  /** `http://host:port` of BigQuery's REST. */
  readonly bigquery: string;
  /** `host:port` of BigQuery's Storage APIs, gRPC. */
  readonly bigqueryStorage: string;
  stop(): Promise<void>;
}

/** Starts both on free loopback ports. What is started here is stopped here, by its own process id. */
export async function startEmulators(installed: Installed): Promise<Emulators> {
  const children: ChildProcess[] = [];
  const data = await mkdtemp(join(tmpdir(), "inboxloop-bigquery-"));
  const stop = async () => {
    process.off("exit", kill);
    await Promise.all(children.map(end));
    await rm(data, { recursive: true, force: true });
  };
  const kill = () => {
    for (const child of children) child.kill("SIGKILL");
  };
  process.once("exit", kill);
  try {
    const pubsub = spawn(installed.pubsub, { stdio: ["pipe", "pipe", "inherit"] });
    children.push(pubsub);
    const [address] = (await once(createInterface({ input: pubsub.stdout! }), "line")) as [string];
    const [rest, storage] = [await freePort(), await freePort()];
    const bigquery = spawn(
      installed.bigquery,
      ["--host", "127.0.0.1", "--port", String(rest), "--grpc-port", String(storage), "--data-dir", data],
      { env: { PATH: process.env["PATH"], HOME: installed.bigqueryHome }, stdio: ["ignore", "ignore", "pipe"] },
    );
    children.push(bigquery);
    await answers(`http://127.0.0.1:${rest}/bigquery/v2/projects/ready/queries`, bigquery);
    return { pubsub: address, bigquery: `http://127.0.0.1:${rest}`, bigqueryStorage: `127.0.0.1:${storage}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
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
