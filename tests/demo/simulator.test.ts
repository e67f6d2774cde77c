import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEnvironment } from "../../cli/environment.ts";
import { Simulator } from "../../demo/simulator.ts";
import { Stopwatch } from "../../demo/stopwatch.ts";
import { createIdHasher } from "../../ingest/door/id-hasher.ts";
import { worldConfig, worldEnd } from "../../simulate/config.ts";
import { worldAtEnd } from "../../simulate/history.ts";
import { enumerateCustomers } from "../../simulate/world.ts";

let dir: string;
let simulator: Simulator;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-simulator-"));
  const world = await createEnvironment({ home: dir, quiet: true }, new AbortController().signal);
  simulator = new Simulator(world, new Stopwatch(() => 0), worldConfig({ seed: 1, events: 5_000 }));
});
afterEach(async () => {
  await simulator.close();
  await rm(dir, { recursive: true });
});

test("when a world is played then its files come as they become whole, and another time from where they lie", async () => {
  const read = async () => {
    const { files, result } = simulator.world(dir);
    const paths: string[] = [];
    for await (const path of files) paths.push(path);
    return { paths, events: (await result).events };
  };
  const first = await read();
  expect(first.events).toBeGreaterThanOrEqual(5_000);
  expect(first.paths).toEqual([join(dir, "events-000.ndjson")]);
  expect(await read()).toEqual(first);
});

test("when the folder is somebody else's then the result says so, whether anybody reads the files or not", async () => {
  await writeFile(join(dir, "precious.txt"), "");
  await expect(simulator.world(dir).result).rejects.toMatchObject({ code: "simulate.folder-in-use", exit: "usage" });
});

test("when a canary is told of its mails then each part of the answer comes as files, and the next canary begins where it ended", async () => {
  const idKey = { version: "1", secret: Buffer.alloc(32, 7) };
  const world = worldAtEnd(worldConfig({ seed: 1, events: 5_000 }));
  const end = worldEnd(world.world.config);
  const hashId = createIdHasher(idKey);
  const userIds = [...enumerateCustomers(world.world, world.state, end)].map(({ userId }) => hashId(userId)).sort();
  const canary = async (label: string, mails: number, startsAt: number) => {
    await simulator.beginCanary({ dir: join(dir, label), label, startsAt, complaintFactor: 1, orderFactor: 1, idKey });
    const campaigns = await simulator.announce(
      Array.from({ length: mails }, () => 1),
      0,
    );
    const told = await read(simulator.writeUntil(1));
    for (let mail = 0; mail < mails; mail++) {
      const sends = userIds.map((userId, i) => ({
        userId,
        arm: "champion",
        variant: "urgency",
        modelVersion: "m",
        messageId: `m-${label}-${mail}-${i}`,
        sentAt: startsAt + 90_000_000,
      }));
      await simulator.mail(mail, sends);
    }
    const heard = await read(simulator.writeUntil(4));
    const last = simulator.endCanary();
    await read(last);
    return { campaigns, told, heard, arm: (await last.result).arms["champion"]! };
  };
  const read = async ({ files }: { readonly files: AsyncIterable<string> }) => {
    let text = "";
    for await (const path of files) text += await readFile(path, "utf8");
    return text;
  };
  const first = await canary("one", 12, end);
  expect(first.campaigns).toHaveLength(12);
  expect(first.told).toContain('"campaign_id":"one-1"');
  expect(first.told).not.toContain("m-one-");
  expect(first.heard).toContain('"message_id":"m-one-0-');
  const second = await canary("two", 1, end + 20 * 86_400_000);
  expect(second.arm.refused).toBeGreaterThan(0);
});
