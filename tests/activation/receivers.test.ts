import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Mail } from "../../activation/mail.ts";
import { fileReceiver } from "../../activation/receivers/file.ts";
import { mailbox } from "../../activation/receivers/rendering.ts";
import { sendgridReceiver } from "../../activation/receivers/sendgrid.ts";
import { sesReceiver } from "../../activation/receivers/ses.ts";
import { signingKey, webhookReceiver } from "../../activation/receivers/webhook.ts";
import { parseActivation } from "../../activation/settings.ts";
import { type LoopbackAnswer, loopback } from "../support/loopback.ts";
import { sendTo } from "./support/stand-in.ts";

let server: Awaited<ReturnType<typeof loopback>>;
let answer: LoopbackAnswer = { status: 200 };
const folder = mkdtempSync(join(tmpdir(), "inboxloop-receivers-"));
beforeAll(async () => {
  server = await loopback(() => answer);
});
afterEach(() => {
  server.calls.length = 0;
  answer = { status: 200 };
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const secret = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
const env = { KEY: "AKIDEXAMPLE", SECRET: "wJalrXUtnFEMI", SG: "SG.key", HOOK: secret };
const now = () => Date.now();
const mail: Mail = {
  ...sendTo(1, 1, { offer: "ten-percent" }),
  template: "tmpl",
  to: { address: "ann@example.com", name: "Ann" },
  unsubscribe_url: "https://mail.example.com/unsubscribe/t",
};

const settingsOf = <K extends string>(kind: K, more: object) => {
  const parsed = parseActivation(
    JSON.stringify({ schema: "1", addresses: { kind: "file", path: "a.csv" }, receivers: { r: { kind, ...more } } }),
    "test",
  ).receivers["r"]!;
  return parsed as Extract<typeof parsed, { kind: K }>;
};
const ses = (more: object = {}) =>
  sesReceiver(
    "ses",
    settingsOf("ses", {
      region: "eu-central-1",
      from: "News <news@example.com>",
      templates: { plain: "tmpl" },
      configuration_set: "loop",
      access_key_env: "KEY",
      secret_key_env: "SECRET",
      endpoint: server.url,
      ...more,
    }),
    { env, now },
  );
const sendgrid = (more: object = {}) =>
  sendgridReceiver(
    "sendgrid",
    settingsOf("sendgrid", {
      api_key_env: "SG",
      from: "News <news@example.com>",
      templates: { plain: "d-1" },
      endpoint: server.url,
      ...more,
    }),
    { env, now },
  );
const webhook = (more: object = {}) =>
  webhookReceiver("hook", settingsOf("webhook", { url: `${server.url}/mails`, secret_env: "HOOK", ...more }), {
    env,
    now,
  });

test("when SES takes a mail, then template, tags, headers and its own id are where they belong", async () => {
  answer = { status: 200, headers: { "content-type": "application/json" }, body: '{"MessageId":"0100-abc"}' };
  const receiver = ses();
  expect(await receiver.hand(mail)).toEqual({ kind: "accepted", provider_id: "0100-abc" });
  receiver.close();
  const [call] = server.calls;
  expect(call).toMatchObject({ method: "POST", path: "/v2/email/outbound-emails" });
  expect(call!.headers["authorization"]).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\//);
  expect(JSON.parse(call!.body)).toEqual({
    FromEmailAddress: "News <news@example.com>",
    Destination: { ToAddresses: ['"Ann" <ann@example.com>'] },
    ConfigurationSetName: "loop",
    Content: {
      Template: {
        TemplateName: "tmpl",
        TemplateData: JSON.stringify({
          message_id: mail.message_id,
          campaign_id: "spring",
          variant: "plain",
          offer: "ten-percent",
          name: "Ann",
          unsubscribe_url: mail.unsubscribe_url,
        }),
        Headers: [
          { Name: "List-Unsubscribe", Value: `<${mail.unsubscribe_url}>` },
          { Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click" },
        ],
      },
    },
    EmailTags: [
      { Name: "inboxloop_message_id", Value: mail.message_id },
      { Name: "inboxloop_variant", Value: "plain" },
      { Name: "campaign", Value: "spring" },
    ],
  });
});

test.each([
  [429, "TooManyRequestsException", { kind: "not-now", reason: "429 TooManyRequestsException", retry_after_ms: 3000 }],
  [400, "LimitExceededException", { kind: "not-now", reason: "429 LimitExceededException", retry_after_ms: 3000 }],
  [503, "ServiceUnavailable", { kind: "not-now", reason: "503 ServiceUnavailable", retry_after_ms: 3000 }],
  [400, "MessageRejected", { kind: "refused", reason: "400 MessageRejected" }],
  [400, "BadRequestException", { kind: "refused", reason: "400 BadRequestException" }],
  [400, "SendingPausedException", { kind: "set-up", reason: "SendingPausedException" }],
  [404, "NotFoundException", { kind: "set-up", reason: "NotFoundException" }],
  [403, "AccessDeniedException", { kind: "set-up", reason: "AccessDeniedException" }],
])("when SES answers %s %s, then it is of its class, and its words stay outside", async (status, type, expected) => {
  answer = {
    status,
    headers: { "content-type": "application/json", "x-amzn-errortype": type, "retry-after": "3" },
    body: JSON.stringify({ message: "Email address is not verified: ann@example.com" }),
  };
  const receiver = ses();
  expect(await receiver.hand(mail)).toEqual(expected);
  // The SDK does not try again by itself: attempts are the outbox's.
  expect(server.calls).toHaveLength(1);
  receiver.close();
});

test("when SendGrid takes a mail, then template, arguments, headers and its own id are where they belong", async () => {
  answer = { status: 202, headers: { "x-message-id": "Lli-03HcQ5" } };
  expect(await sendgrid({ unsubscribe_group: 7 }).hand({ ...mail, template: "d-1" })).toEqual({
    kind: "accepted",
    provider_id: "Lli-03HcQ5",
  });
  const [call] = server.calls;
  expect(call).toMatchObject({ path: "/v3/mail/send", headers: { authorization: "Bearer SG.key" } });
  expect(JSON.parse(call!.body)).toEqual({
    from: { email: "news@example.com", name: "News" },
    template_id: "d-1",
    asm: { group_id: 7 },
    personalizations: [
      {
        to: [{ email: "ann@example.com", name: "Ann" }],
        dynamic_template_data: expect.objectContaining({ name: "Ann", offer: "ten-percent" }),
        custom_args: {
          inboxloop_message_id: mail.message_id,
          inboxloop_variant: "plain",
          campaign_id: "spring",
        },
        headers: {
          "List-Unsubscribe": `<${mail.unsubscribe_url}>`,
          "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
      },
    ],
  });
});

test.each([
  [429, {}, { kind: "not-now", reason: "429", retry_after_ms: null }],
  [500, { "retry-after": "2" }, { kind: "not-now", reason: "500", retry_after_ms: 2000 }],
  [400, {}, { kind: "refused", reason: "400 personalizations.0.to.0.email" }],
  [413, {}, { kind: "refused", reason: "413 personalizations.0.to.0.email" }],
  [401, {}, { kind: "set-up", reason: "401 personalizations.0.to.0.email" }],
  [302, { location: "http://10.0.0.1/" }, { kind: "set-up", reason: "302" }],
])(
  "when SendGrid answers %s, then it is of its class, and its words stay outside",
  async (status, headers, expected) => {
    const errors = [{ message: "ann@example.com is wrong", field: "personalizations.0.to.0.email" }];
    answer = { status, headers, body: status > 399 && status < 429 ? JSON.stringify({ errors }) : "busy" };
    expect(await sendgrid().hand(mail)).toEqual(expected);
    expect(server.calls).toHaveLength(1);
  },
);

test("when SendGrid says when its window ends, then it is asked no earlier", async () => {
  answer = { status: 429, headers: { "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 30) } };
  const found = await sendgrid().hand(mail);
  expect(found).toMatchObject({ kind: "not-now", reason: "429" });
  const { retry_after_ms } = found as { retry_after_ms: number };
  expect(retry_after_ms).toBeGreaterThan(25_000);
  expect(retry_after_ms).toBeLessThanOrEqual(31_000);
});

test("when a webhook is posted, then the reference library of Standard Webhooks verifies it, and a changed byte is refused", async () => {
  expect(await webhook().hand(mail)).toEqual({ kind: "accepted", provider_id: null });
  const [call] = server.calls;
  const headers = call!.headers as Record<string, string>;
  expect(headers["webhook-id"]).toBe(mail.decision_id);
  const verifier = new Webhook(secret);
  expect(verifier.verify(call!.body, headers)).toMatchObject({
    type: "mail.decided",
    data: { decision_id: mail.decision_id, message_id: mail.message_id, to: { address: "ann@example.com" } },
  });
  expect(() => verifier.verify(call!.body.replace("spring", "summer"), headers)).toThrowError();
});

test.each(["whsec_", "whsec_dG9vIHNob3J0", "not base64 at all!", `whsec_${Buffer.alloc(65).toString("base64")}`])(
  "when the signing secret is %s, then it is refused by the variable's name",
  (text) => expect(() => signingKey(text, "HOOK")).toThrowError(/24 to 64 bytes/),
);

test.each([
  ["ses", () => ses({ timeout_seconds: 0.3 })],
  ["sendgrid", () => sendgrid({ timeout_seconds: 0.3 })],
  ["webhook", () => webhook({ timeout_seconds: 0.3 })],
] as const)(
  "when nobody answers %s, then the mail is in doubt; when nobody is there, it surely was not taken",
  async (_, open) => {
    answer = { status: 200, afterMs: 1500 };
    expect(await open().hand(mail)).toEqual({ kind: "in-doubt", reason: "timeout" });
    answer = { status: 200, hangUp: true };
    expect(await open().hand(mail)).toMatchObject({ kind: "in-doubt" });
    const other = await loopback(() => ({ status: 200 }));
    const { url } = other;
    await other.close();
    const kept = server;
    server = { ...server, url };
    try {
      expect(await open().hand(mail)).toMatchObject({ kind: "not-now", reason: "ECONNREFUSED" });
    } finally {
      server = kept;
    }
  },
);

test("when mails are written to a folder, then the file is whole, its owner's alone, and found by its name", async () => {
  const receiver = fileReceiver("drop", settingsOf("file", { folder: "out" }), {
    home: join(folder, "home"),
    path: (path) => join(folder, path),
    cloudFiles: () => Promise.reject(new Error("no bucket here")),
  });
  const odd = { ...mail, decision_id: "d-2", to: { address: "bo@example.com", name: 'Bo "the, one"' } };
  expect(await receiver.isThere("mails-1")).toBe(false);
  expect(await receiver.handAll("mails-1", [mail, odd])).toEqual({ kind: "accepted", provider_id: null });
  expect(await receiver.isThere("mails-1")).toBe(true);
  expect(readdirSync(join(folder, "out"))).toEqual(["mails-1.csv"]);
  expect(statSync(join(folder, "out/mails-1.csv")).mode & 0o777).toBe(0o600);
  const lines = readFileSync(join(folder, "out/mails-1.csv"), "utf8").split("\r\n");
  expect(lines[0]).toBe(
    "decision_id,message_id,campaign_id,campaign_kind,variant,offer,template,send_at,unsubscribe_url,address,name",
  );
  expect(lines[2]).toMatch(/"bo@example\.com","Bo ""the, one"""$/);
});

test.each([".", "home", "home/out", "../x/../receivers-home"])(
  "when the folder of files is %s, then it is refused where it lies in the home alone",
  (path) => {
    const open = () =>
      fileReceiver("drop", settingsOf("file", { folder: path }), {
        home: join(folder, "home"),
        path: (stated) => join(folder, stated),
        cloudFiles: () => Promise.reject(new Error("no bucket here")),
      });
    if (path.startsWith("home")) expect(open).toThrowError(/into the home/);
    else expect(open).not.toThrowError();
  },
);

test.each([
  [{ address: "a@b.c", name: null }, "a@b.c"],
  [{ address: "a@b.c", name: 'A "B" \\ C' }, '"A \\"B\\" \\\\ C" <a@b.c>'],
  [{ address: "a@b.c", name: "Jürgen" }, "=?UTF-8?B?SsO8cmdlbg==?= <a@b.c>"],
])("when somebody is called %o, then the header says so", (to, expected) => expect(mailbox(to)).toBe(expected));
