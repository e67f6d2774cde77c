import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import type { FastifyInstance, InjectOptions } from "fastify";
import { parseHTML } from "linkedom";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { choices } from "../../../console/labels/choices.ts";
import type { Evidence } from "../../../console/labels/review-queue.ts";
import { createReviewServer } from "../../../console/labels/review-server.ts";
import { labelsOf, ReviewSession } from "../../../console/labels/review-session.ts";

const token = "0123456789abcdef";
const evidence = (topic: string): Evidence => ({
  facts: [{ name: "campaign", value: topic }],
  events: [{ seconds: 40, event_type: "open", detail: "browser", p_human: 0.83, reasons: ["late", "one_link"] }],
  votes: [{ question: "engaged", voter: "clicked", vote: "for" }],
});

let folder: string;
let path: string;
let session: ReviewSession;
let app: FastifyInstance;
let quits: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-page-"));
  path = join(folder, "one.ndjson");
  session = ReviewSession.open(
    path,
    [
      { message_id: "secret-1", origin: "uncertain" },
      { message_id: "secret-2", origin: "random" },
    ],
    () => new Date("2026-03-01T00:00:00Z"),
  );
  quits = 0;
  app = createReviewServer({
    session,
    token,
    evidence: new Map([
      ["secret-1", evidence("<b>garden</b>")],
      ["secret-2", evidence("books")],
    ]),
    quit: async () => {
      quits += 1;
    },
  });
});
afterEach(async () => {
  session.close();
  await app.close();
  rmSync(folder, { recursive: true });
});

const cookie = `inboxloop_review=${token}`;
const asked = (options: InjectOptions) =>
  app.inject({ ...options, headers: { host: "127.0.0.1:8123", cookie, "x-inboxloop": "review", ...options.headers } });

/** What of a browser's document the page's script and this test use. */
interface Node {
  readonly textContent: string;
  readonly innerHTML: string;
  hidden: boolean;
  dispatchEvent(event: unknown): void;
  querySelector(selector: string): Node | null;
  querySelectorAll(selector: string): Iterable<Node>;
}
type Page = Node & { getElementById(id: string): Node };

/** Loads the page as a browser does: the document, then its script, whose calls go to the server. */
async function open() {
  const html = (await asked({ method: "GET", url: "/" })).body;
  const { document, Event } = parseHTML(html) as unknown as {
    document: Page;
    Event: new (type: string, init?: object) => object;
  };
  const script = (await asked({ method: "GET", url: "/review.js" })).body;
  let pending: Promise<unknown> = Promise.resolve();
  const fetch = (url: string, options: { method?: "POST"; headers?: Record<string, string>; body?: string } = {}) => {
    const answer = asked({
      method: options.method ?? "GET",
      url,
      ...(options.headers && { headers: options.headers }),
      ...(options.body !== undefined && { payload: options.body }),
    }).then(({ statusCode, body }) => ({
      ok: statusCode < 300,
      status: statusCode,
      json: async () => JSON.parse(body) as unknown,
    }));
    pending = answer;
    return answer;
  };
  runInNewContext(script, { document, fetch, JSON, Object, Math });
  const settled = async () => {
    await pending;
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await settled();
  const press = async (key: string, more: object = {}) => {
    const event = Object.assign(new Event("keydown", { bubbles: true, cancelable: true }), { key, ...more });
    document.dispatchEvent(event);
    await settled();
  };
  return { document, press, textOf: (id: string) => document.getElementById(id).textContent };
}

describe("the page", () => {
  test("when it opens, then it shows the first message's evidence as text, and nothing that names anybody", async () => {
    const { document, textOf } = await open();
    expect(textOf("progress")).toBe("0 labelled, 0 skipped, 2 to go");
    expect(textOf("facts")).toContain("<b>garden</b>");
    expect(document.querySelector("#facts b")).toBeNull();
    expect(textOf("events")).toContain("40 s");
    expect(textOf("events")).toContain("83 %");
    expect(textOf("votes")).toContain("clicked");
    expect([...document.querySelectorAll("#choices button")]).toHaveLength(choices.length);
    const shown = (await asked({ method: "GET", url: "/api/state" })).body;
    expect(shown).not.toContain("secret");
  });

  test("when keys are pressed, then messages are labelled, skipped and taken back without a mouse", async () => {
    const { press, textOf } = await open();
    await press("c");
    expect(textOf("facts")).toContain("books");
    await press(".");
    expect(textOf("progress")).toBe("1 labelled, 1 skipped, 0 to go");
    expect(textOf("notice")).toContain("No message is left");
    await press("z");
    expect(textOf("facts")).toContain("books");
    await press("n");
    await press("q");
    expect(quits).toBe(1);
    expect(textOf("notice")).toContain("landed");
    expect(labelsOf(path, "ann").map(({ message_id, label }) => [message_id, label])).toEqual([
      ["secret-1", "clicked"],
      ["secret-2", "no_engagement"],
    ]);
  });

  test("when a key is held, or is meant for the browser, then nothing is labelled", async () => {
    const { press } = await open();
    await press("c", { repeat: true });
    await press("c", { ctrlKey: true });
    await press("w");
    expect(session.progress.labelled).toBe(0);
  });

  test("when a button is pressed, then it is as its key", async () => {
    const { document, textOf } = await open();
    const { Event } = parseHTML("<p></p>") as unknown as { Event: new (type: string, init?: object) => object };
    for (const button of document.querySelectorAll("#choices button"))
      if (button.textContent.includes("clicked")) button.dispatchEvent(new Event("click", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(textOf("progress")).toBe("1 labelled, 0 skipped, 1 to go");
  });
});

describe("the server", () => {
  test("when the address with the token is opened, then a cookie that scripts cannot read takes its place", async () => {
    const answer = await app.inject({ method: "GET", url: `/?token=${token}`, headers: { host: "127.0.0.1:8123" } });
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toBe("/");
    expect(answer.headers["set-cookie"]).toMatch(/^inboxloop_review=\w+; HttpOnly; SameSite=Strict; Path=\/$/);
  });

  test.each([
    ["without the token", { cookie: "" }, 401],
    ["with another token", { cookie: "inboxloop_review=ffff" }, 401],
    ["by another name, as a page of another site would", { host: "evil.example:8123" }, 421],
    ["without the header that no form sends", { "x-inboxloop": "" }, 403],
  ])("when it is called %s, then it refuses", async (_what, headers, status) => {
    const answer = await asked({ method: "POST", url: "/api/label", headers, payload: { place: 0, label: "clicked" } });
    expect(answer.statusCode).toBe(status);
    expect(session.progress.labelled).toBe(0);
  });

  test("when the same message is answered twice, then the second changes nothing and is told what is at hand", async () => {
    const call = { method: "POST", url: "/api/label", payload: { place: 0, label: "clicked" } } as const;
    expect((await asked(call)).statusCode).toBe(200);
    const again = await asked(call);
    expect(again.statusCode).toBe(409);
    expect(again.json()).toMatchObject({ labelled: 1, left: 1 });
  });

  test.each([{ place: 0, label: "garbage" }, { label: "clicked" }, { place: 0, label: "clicked", by: "eve" }])(
    "when a call says %j, then it is refused",
    async (payload) => {
      expect((await asked({ method: "POST", url: "/api/label", payload })).statusCode).toBe(400);
    },
  );

  test("when anything is answered, then nothing may be loaded from elsewhere, framed or kept", async () => {
    for (const url of ["/", "/review.js", "/style.css", "/api/state", "/none"]) {
      const { headers } = await asked({ method: "GET", url });
      expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'/);
      expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      });
    }
  });
});
