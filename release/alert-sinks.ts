import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

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
    await appendFile(path, `${JSON.stringify(alert)}\n`);
  },
});

/** A line for the person at the terminal. */
export const lineAlerts = (write: (line: string) => void): AlertSink => ({
  name: "stderr",
  async send(alert) {
    write(`${alert.severity}: to the ${alert.team} team: ${alert.message}`);
  },
});
