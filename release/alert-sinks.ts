import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { lineFor } from "../platform/home-files.ts";
import { sealOf } from "../platform/home-seal.ts";

export interface Alert {
  readonly at: string;
  readonly version: string;
  readonly severity: "error" | "warning";
  readonly team: "deliverability";
  readonly message: string;
}

/** Where people are told. A sink that fails throws; the log keeps that the alert was not delivered. */
export interface AlertSink {
  readonly name: string;
  send(alert: Alert): Promise<void>;
}

/** One line of JSON per alert, for a collector to pick up. */
export const fileAlerts = (path: string): AlertSink => ({
  name: `file:${path}`,
  async send(alert) {
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, `${lineFor(JSON.stringify(alert), sealOf(path))}\n`);
  },
});

/** A line for the person at the terminal. */
export const lineAlerts = (write: (line: string) => void): AlertSink => ({
  name: "stderr",
  async send(alert) {
    write(`${alert.severity}: to the ${alert.team} team: ${alert.message}`);
  },
});

const timeoutMs = 10_000;

async function post(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    // The host that the setting names is the host that is told.
    redirect: "error",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new Error(`answered ${response.status}`);
}

/** The alert as JSON to a URL; anything but a 2xx within ten seconds is a failure. */
export const webhookAlerts = (url: string): AlertSink => ({ name: "webhook", send: (alert) => post(url, alert) });

/** A line to an incoming webhook of Slack, or of what understands the same (`{"text": ...}`: Mattermost, Rocket.Chat, Discord's /slack). */
export const slackAlerts = (url: string): AlertSink => ({
  name: "slack",
  send: ({ severity, team, message }) => post(url, { text: `*${severity}* for ${team}: ${message}` }),
});

/** A mail by SMTP: `smtp://user:password@host:587`, or `smtps://`. */
export const smtpAlerts = (url: string, from: string, to: string): AlertSink => ({
  name: "smtp",
  async send({ at, version, message }) {
    const { createTransport } = await import("nodemailer");
    const transport = createTransport(url, {
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
    } as never);
    try {
      await transport.sendMail({
        from,
        to,
        subject: `Inboxloop: ${version} was rolled back`,
        text: `${at}\n\n${message}\n`,
      });
    } finally {
      transport.close();
    }
  },
});
