import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { afterEach, expect, test } from "vitest";
import {
  type Alert,
  type AlertSink,
  fileAlerts,
  slackAlerts,
  smtpAlerts,
  webhookAlerts,
} from "../../release/alert-sinks.ts";
import { type LoopbackAnswer, loopback } from "../support/loopback.ts";

const alert: Alert = {
  at: "2026-11-30T03:00:00.000Z",
  version: "candidate-2",
  severity: "error",
  team: "deliverability",
  message: 'candidate-2 was rolled back: complaints 1.8 times the champion\'s ("shown" after 3 looks)',
};
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function server(answer: LoopbackAnswer) {
  const opened = await loopback(() => answer);
  closing.push(opened.close);
  return opened;
}

const sinks: Record<string, (url: string) => AlertSink> = { webhook: webhookAlerts, slack: slackAlerts };

test("when somebody is told by webhook, then the alert comes whole, as JSON", async () => {
  const at = await server({ status: 204 });
  await webhookAlerts(`${at.url}/alerts`).send(alert);
  expect(at.calls).toMatchObject([
    { method: "POST", path: "/alerts", headers: { "content-type": "application/json" } },
  ]);
  expect(JSON.parse(at.calls[0]!.body)).toEqual(alert);
});

test("when a channel of Slack's kind is told, then it gets one text with what happened and whom it is for", async () => {
  const at = await server({ status: 200, body: "ok" });
  await slackAlerts(at.url).send(alert);
  expect(JSON.parse(at.calls[0]!.body)).toEqual({ text: `*error* for deliverability: ${alert.message}` });
});

test.each(
  Object.keys(sinks).flatMap(
    (sink) =>
      [
        [sink, "answers 500", { status: 500 }],
        [sink, "sends elsewhere", { status: 307, headers: { location: "http://127.0.0.1:1/" } }],
        [sink, "hangs up", { status: 200, hangUp: true }],
      ] as const,
  ),
)("when %s %s, then the alert counts as not delivered", async (sink, _, answer) => {
  const at = await server(answer);
  await expect(sinks[sink]!(at.url).send(alert)).rejects.toThrow();
  expect(at.calls).toHaveLength(1);
});

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly content: string;
}

/** An SMTP server on this machine that keeps what it takes; `refuses` answers RCPT with 550. */
async function smtp(options: { readonly refuses?: boolean } = {}) {
  const mails: Mail[] = [];
  const listening = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    onRcptTo: (_address, _session, done) =>
      done(options.refuses ? Object.assign(new Error("no such user"), { responseCode: 550 }) : undefined),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          content: Buffer.concat(chunks).toString(),
        });
        done();
      });
    },
  });
  await new Promise<void>((ready) => listening.listen(0, "127.0.0.1", ready));
  closing.push(() => new Promise<void>((done) => listening.close(() => done())));
  return { mails, url: `smtp://127.0.0.1:${(listening.server.address() as AddressInfo).port}` };
}

test("when people are told by mail, then it goes from whom and to whom the settings say, with the version in its subject", async () => {
  const at = await smtp();
  await smtpAlerts(at.url, "inboxloop@sender.example", "on-call@sender.example").send(alert);
  expect(at.mails).toMatchObject([{ from: "inboxloop@sender.example", to: ["on-call@sender.example"] }]);
  const { content } = at.mails[0]!;
  expect(content).toMatch(/^Subject: Inboxloop: candidate-2 was rolled back\r$/m);
  expect(content).toContain(alert.at);
  expect(content.replaceAll("=\r\n", "")).toContain("complaints 1.8 times the champion's");
});

test("when the mail server refuses the recipient, or nobody listens, then the alert counts as not delivered", async () => {
  const refusing = await smtp({ refuses: true });
  await expect(smtpAlerts(refusing.url, "a@sender.example", "b@sender.example").send(alert)).rejects.toThrow(/550/);
  const gone = await smtp();
  for (const close of closing.splice(0)) await close();
  await expect(smtpAlerts(gone.url, "a@sender.example", "b@sender.example").send(alert)).rejects.toThrow();
});

test("when alerts go to a file, then it has a line for each, and its folder is made", async () => {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-alerts-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "on", "call.ndjson");
  await fileAlerts(path).send(alert);
  await fileAlerts(path).send({ ...alert, version: "candidate-3" });
  const lines = readFileSync(path, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).version)).toEqual(["candidate-2", "candidate-3"]);
});
