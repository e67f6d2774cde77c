import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openAddressBook } from "../../activation/addresses.ts";
import { type ActivationSettings, parseActivation, templateOf } from "../../activation/settings.ts";
import { type LoopbackAnswer, loopback } from "../support/loopback.ts";

const folder = mkdtempSync(join(tmpdir(), "inboxloop-addresses-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = (addresses: object) => {
  const settings = parseActivation(JSON.stringify({ schema: "1", addresses, receivers: {} }), "activation.yaml");
  return openAddressBook(settings.addresses, {
    idsOf: (id) => [id.startsWith("sha256:") ? id : `sha256:${id.toLowerCase()}`],
    env: { TOKEN: "t0ken" },
    path: (path) => join(folder, path),
    sleep: async () => {},
  });
};
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return open({ kind: "file", path: name });
};

test.each([
  ["p.csv", '\uFEFFID,Address,Name\n7,ann@example.com,"Ann, B"\nsha256:x,bo@example.com,\n8,cy@example.com,Cy\n'],
  [
    "p.ndjson",
    '{"id":7,"address":"ann@example.com","name":"Ann, B"}\n\n{"id":"sha256:x","address":"bo@example.com"}\n{"id":8,"address":"cy@example.com"}\n',
  ],
])("when %s is looked through, then who is asked for is found by any id, and nobody else", async (name, content) => {
  expect(Object.fromEntries(await file(name, content).of(["sha256:7", "sha256:x", "sha256:9"]))).toEqual({
    "sha256:7": { address: "ann@example.com", name: "Ann, B" },
    "sha256:x": { address: "bo@example.com", name: null },
  });
});

test("when a file has no ids, then the address is the id; a later line holds; what would add a header is nobody's", async () => {
  const book = file(
    "q.csv",
    'address,name\nann@example.com,One\nann@example.com,"Two\r\nBcc: x@example.com"\n"bo@example.com, x@example.com",Bo\n"cy@example.com\r\nBcc: y@example.com",Cy\n',
  );
  const found = await book.of(["sha256:ann@example.com", "sha256:bo@example.com", "sha256:cy@example.com"]);
  expect([...found.values()]).toEqual([{ address: "ann@example.com", name: "Two  Bcc: x@example.com" }]);
});

test.each([
  ["missing.csv", undefined, /cannot be read/],
  ["h.csv", "id,mail\n7,ann@example.com\n", /no column `address`/],
  ["h.ndjson", '{"id":7,"address":"ann@example.com"\n', /not JSON/],
])("when %s cannot be used, then the error says so without a line of it", async (name, content, expected) => {
  const book = content === undefined ? open({ kind: "file", path: name }) : file(name, content);
  const error = await book.of(["sha256:7"]).catch((one: unknown) => one as Error & { where: string });
  expect(error).toMatchObject({ code: "activation.addresses", exit: "config" });
  expect(`${(error as Error).stack} ${String((error as Error).cause)}`).not.toContain("ann@");
  expect((error as Error).message).toMatch(expected);
});

async function asked(answer: LoopbackAnswer, more: object = {}) {
  const server = await loopback(() => answer);
  try {
    const book = open({ kind: "http", url: `${server.url}/look-up`, token_env: "TOKEN", ...more });
    return { found: await book.of(["sha256:a", "sha256:b"]), calls: server.calls };
  } finally {
    await server.close();
  }
}
const json = (value: unknown): LoopbackAnswer => ({ status: 200, body: JSON.stringify(value) });

test("when a service is asked, then it gets ids and a token, and answers only for whom it was asked", async () => {
  const { found, calls } = await asked(
    json({
      addresses: [
        { id: "sha256:a", address: "ann@example.com", name: "Ann" },
        { id: "sha256:c", address: "cy@example.com" },
      ],
    }),
  );
  expect(Object.fromEntries(found)).toEqual({ "sha256:a": { address: "ann@example.com", name: "Ann" } });
  expect(calls).toHaveLength(1);
  expect(JSON.parse(calls[0]!.body)).toEqual({ ids: ["sha256:a", "sha256:b"] });
  expect(calls[0]!.headers["authorization"]).toBe("Bearer t0ken");
});

test.each([
  ["sends elsewhere", { status: 302, headers: { location: "http://169.254.169.254/" } }, {}, "remote", /no answer/],
  ["answers 401", { status: 401 }, {}, "config", /401/],
  ["answers 503", { status: 503 }, {}, "remote", /503/],
  ["answers too much", json({ addresses: [], more: "x".repeat(2000) }), { max_bytes: 1024 }, "config", /1024 bytes/],
  ["answers another shape", json({ addresses: [{ address: "ann@example.com" }] }), {}, "config", /wrong at addresses/],
  ["says no JSON", { status: 200, body: "ann@example.com" }, {}, "config", /not JSON/],
  ["sleeps", { status: 200, afterMs: 1000 }, { timeout_seconds: 0.1 }, "remote", /in time/],
] as const)("when the service %s, then the run is told so, without an address", async (_, answer, more, exit, what) => {
  const error = await asked(answer, more).catch((one: unknown) => one as Error);
  expect(error).toMatchObject({ code: "activation.addresses", exit, message: expect.stringMatching(what) });
  expect(JSON.stringify({ ...(error as object), stack: (error as Error).stack })).not.toContain("ann@");
});

const whole = (receivers: object, more: object = {}) =>
  JSON.stringify({ schema: "1", addresses: { kind: "file", path: "a.csv" }, receivers, ...more });
test.each([
  [whole({ h: { kind: "webhook", url: "http://example.com", secret_env: "S" } }), /receivers.h.url/],
  [whole({ h: { kind: "webhook", url: "https://u:p@example.com", secret_env: "S" } }), /receivers.h.url/],
  [whole({ h: { kind: "webhook", url: "https://example.com", secret_env: "whsec_abc" } }), /receivers.h.secret_env/],
  [whole({ h: { kind: "post" } }), /receivers.h/],
  [whole({}, { unsubscribe_base: "http://example.com" }), /unsubscribe_base/],
  ["receivers: [", /activation.yaml/],
])("when the settings say %s, then the error names the place", (text, where) => {
  try {
    parseActivation(text, "activation.yaml");
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "activation.settings", exit: "config" });
    expect((error as { where: string }).where).toMatch(where);
  }
});

test("when a campaign has a template of its own, then it goes before the variant's", () => {
  const templates: NonNullable<Extract<ActivationSettings["receivers"][string], { kind: "ses" }>["templates"]> = {
    plain: "a",
    "spring/plain": "b",
  };
  expect(templateOf(templates, "spring", "plain")).toBe("b");
  expect(templateOf(templates, "summer", "plain")).toBe("a");
  expect(templateOf(templates, "summer", "constructor")).toBeUndefined();
});
