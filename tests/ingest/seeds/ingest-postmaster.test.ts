// Against a loopback server that speaks the API's documented JSON.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { daysBetween, ingestPostmaster } from "../../../ingest/seeds/ingest-postmaster.ts";
import type { PostmasterEnv } from "../../../ingest/seeds/postmaster-client.ts";
import { rowsOf, temporaryFolder, testContext } from "../support.ts";

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly pageToken: string | undefined;
  readonly metrics: readonly string[];
}
interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

const iso = ({ year, month, day }: { year: number; month: number; day: number }) =>
  new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10);

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

async function serve(answer: (asked: Asked, call: number) => Answer) {
  const calls: Asked[] = [];
  const waits: number[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await bodyOf(request));
    const [range] = body.timeQuery.dateRanges.dateRanges;
    const asked: Asked = {
      path: request.url ?? "",
      authorization: request.headers.authorization,
      from: iso(range.start),
      to: iso(range.end),
      pageToken: body.pageToken,
      metrics: body.metricDefinitions.map((one: { name: string }) => one.name),
    };
    calls.push(asked);
    const { status = 200, headers = {}, body: said = {} } = answer(asked, calls.length);
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(said));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const env: PostmasterEnv = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: async () => "t0ken",
    sleep: async (ms) => void waits.push(ms),
  };
  return { env, calls, waits };
}

/** Statistics of the days asked for that are in `known`. */
const statsOf = (asked: Asked, known: readonly string[]) => ({
  domainStats: daysBetween(asked.from, asked.to)
    .filter((day) => known.includes(day))
    .flatMap((day) => {
      const [year, month, date] = day.split("-").map(Number);
      return [
        { metric: "spam_rate", date: { year, month, day: date }, value: { doubleValue: 0.0012 } },
        { metric: "dkim_success_rate", date: { year, month, day: date }, value: { doubleValue: 1 } },
      ];
    }),
});

const live = new AbortController().signal;
const run = (home: string, env: PostmasterEnv, more: object = {}) =>
  ingestPostmaster(
    { domains: ["example.com"], from: "2026-01-01", to: "2026-01-04", dryRun: false, ...more },
    env,
    testContext(join(home, "raw")),
    live,
  );

test("when days have landed then only the others are asked for, and a day without statistics is asked for again", async () => {
  const home = temporaryFolder();
  let known = ["2026-01-01", "2026-01-02", "2026-01-04"];
  const { env, calls } = await serve((asked) => ({ body: statsOf(asked, known) }));
  expect(await run(home, env)).toMatchObject({
    landed: 6,
    rows_by_table: { postmaster_stats: 6 },
    domains: [{ domain: "example.com", days_before: 0, days_asked: 4, days_landed: 3 }],
  });
  expect(calls[0]).toMatchObject({
    path: "/v2/domains/example.com/domainStats:query",
    authorization: "Bearer t0ken",
    from: "2026-01-01",
    to: "2026-01-04",
  });
  expect(calls[0]?.metrics).toContain("spam_rate");
  known = [...known, "2026-01-03"];
  expect(await run(home, env)).toMatchObject({
    landed: 2,
    domains: [{ days_before: 3, days_asked: 1, days_landed: 1 }],
  });
  expect(calls.at(-1)).toMatchObject({ from: "2026-01-03", to: "2026-01-03" });
  expect(await run(home, env)).toMatchObject({ landed: 0, state: "already-ingested" });
  expect(calls).toHaveLength(2);
  const rows = await rowsOf(join(home, "raw"), "postmaster_stats");
  expect(rows).toHaveLength(8);
  expect(rows[0]).toMatchObject({
    domain: "example.com",
    metric: "dkim_success_rate",
    value: 1,
    source: "google_postmaster_v2",
  });
});

test("when the answer has several pages then each is asked for in turn", async () => {
  const { env, calls } = await serve((asked) => {
    const { domainStats } = statsOf(asked, ["2026-01-01", "2026-01-02"]);
    return asked.pageToken === "two"
      ? { body: { domainStats: domainStats.slice(3) } }
      : { body: { domainStats: domainStats.slice(0, 3), nextPageToken: "two" } };
  });
  expect(await run(temporaryFolder(), env)).toMatchObject({ landed: 4 });
  expect(calls.map(({ pageToken }) => pageToken)).toEqual([undefined, "two"]);
});

test("when the server is busy then it is asked again after a while, as long as it says", async () => {
  const { env, calls, waits } = await serve((asked, call) => {
    if (call === 1) return { status: 429, headers: { "retry-after": "7" } };
    if (call === 2) return { status: 503 };
    return { body: statsOf(asked, ["2026-01-01"]) };
  });
  expect(await run(temporaryFolder(), env)).toMatchObject({ landed: 2 });
  expect(calls).toHaveLength(3);
  expect(waits).toEqual([7000, 2000]);
});

test.each([
  [401, "postmaster.refused", "config", 1],
  [403, "postmaster.forbidden", "config", 1],
  [404, "postmaster.no-domain", "config", 1],
  [400, "postmaster.failed", "remote", 1],
  [429, "postmaster.quota", "remote", 6],
  [500, "postmaster.failed", "remote", 6],
])("when the server answers %i to the end then it is %s", async (status, code, exit, asked) => {
  const { env, calls } = await serve(() => ({ status, body: { error: { message: "secret detail" } } }));
  const error = await run(temporaryFolder(), env).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code, exit, where: "example.com" });
  expect(String(error)).not.toContain("t0ken");
  expect(calls).toHaveLength(asked);
});

test("when one domain fails then what others have landed stays", async () => {
  const home = temporaryFolder();
  const { env } = await serve((asked) =>
    asked.path.includes("other.example") ? { status: 403 } : { body: statsOf(asked, ["2026-01-01"]) },
  );
  await expect(run(home, env, { domains: ["example.com", "other.example"] })).rejects.toMatchObject({
    code: "postmaster.forbidden",
  });
  expect(await rowsOf(join(home, "raw"), "postmaster_stats")).toHaveLength(2);
  expect(await run(home, env)).toMatchObject({ domains: [{ days_before: 1, days_asked: 3 }] });
});

test("when nobody listens or something else answers then one error says so", async () => {
  const waits: number[] = [];
  const nobody: PostmasterEnv = {
    endpoint: "http://127.0.0.1:1",
    token: async () => "t",
    sleep: async (ms) => void waits.push(ms),
  };
  await expect(run(temporaryFolder(), nobody)).rejects.toMatchObject({ code: "postmaster.unreachable" });
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000]);
  const { env } = await serve(() => ({ body: { domainStats: "none" } }));
  await expect(run(temporaryFolder(), env)).rejects.toMatchObject({ code: "postmaster.bad-answer" });
});

test("when a run is dry then nothing is asked and nothing lands", async () => {
  const { env, calls } = await serve(() => ({}));
  expect(await run(temporaryFolder(), env, { dryRun: true })).toMatchObject({
    landed: 0,
    dry_run: true,
    domains: [{ days_asked: 4, days_landed: 0 }],
  });
  expect(calls).toEqual([]);
});
