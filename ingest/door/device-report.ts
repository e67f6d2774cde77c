import deviceReports from "../../includes/device_reports.js";
import { type Micros, parseInstant } from "./instant.ts";
import { writtenKey } from "./json-columns.ts";
import type { RawRow } from "./raw-row.ts";
import type { DeadLetterReason } from "./signal.ts";

/** What the sender asks devices about a campaign. */
export interface AskedOfDevices {
  /** What one report may cost; one of includes/device_reports.js. */
  readonly epsilon: number;
  /** How long a period is; a device answers once in each. */
  readonly period: "day" | "week" | "month";
}

/** By campaign. Of what is not here nothing is taken. */
export type DeviceReportsAsked = Readonly<Record<string, AskedOfDevices>>;

export type AdmittedReport =
  | { readonly kind: "row"; readonly row: RawRow }
  | { readonly kind: "refused"; readonly reason: DeadLetterReason; readonly detail: string };

export const deviceReportsTable = "device_reports";

/** All that a report holds, in the order of its columns. */
const fields = ["report_id", "campaign_id", "period_at", "mechanism", "epsilon", "answer"] as const;
/** Beside it stands at most which table it is for. */
const known: ReadonlySet<string> = new Set([...fields, "table"]);

const day = 86_400e6;

/**
 * A device's report as a row: exactly what packages/device makes, for a campaign that asks, at its epsilon, about a period that has begun. Anything beside it, an
 * id of a person before all, refuses the whole, so that nothing can come along unnoticed.
 */
export function admitDeviceReport(
  values: Readonly<Record<string, unknown>>,
  received: Micros,
  asked: DeviceReportsAsked,
  /** When it came may be said beside it: to a door that believes that. */
  mayHaveArrived = false,
): AdmittedReport {
  for (const key in values)
    if (!known.has(key) && !(mayHaveArrived && key === "received_at"))
      return refused("unexpected-field", writtenKey(key));
  const { report_id, campaign_id, mechanism: name, epsilon, answer } = values;
  if (typeof report_id !== "string" || !/^[0-9a-f]{32}$/.test(report_id)) return refused("wrong-type", "report_id");
  if (typeof campaign_id !== "string") return refused("wrong-type", "campaign_id");
  const campaign = Object.hasOwn(asked, campaign_id) ? asked[campaign_id] : undefined;
  if (!campaign) return refused("not-asked", "device_reports of the settings names no such campaign");
  const mechanism = deviceReports.mechanismOf(name);
  if (!mechanism) return refused("unknown-mechanism", "mechanism");
  if (String(epsilon) !== String(campaign.epsilon))
    return refused("unknown-epsilon", `its campaign asks for reports at ${campaign.epsilon}`);
  const periodAt = typeof values["period_at"] === "string" ? parseInstant(values["period_at"]) : undefined;
  if (periodAt === undefined) return refused("time-unreadable", "period_at");
  if (!isFirstDay(periodAt, campaign.period)) return refused("not-asked", `no ${campaign.period} begins then`);
  if (periodAt > received) return refused("time-in-future", "period_at");
  if (!Number.isInteger(answer) || (answer as number) < 0 || (answer as number) >= mechanism.answers.length)
    return refused("wrong-type", "answer");
  const row = {
    report_id,
    campaign_id,
    period_at: periodAt,
    mechanism: mechanism.name,
    epsilon: String(campaign.epsilon),
    answer: answer as number,
    received_at: received,
  };
  return { kind: "row", row };
}

function isFirstDay(at: Micros, period: AskedOfDevices["period"]): boolean {
  if (at % day !== 0) return false;
  const date = new Date(at / 1000);
  return period === "day" || (period === "week" ? date.getUTCDay() === 1 : date.getUTCDate() === 1);
}

const refused = (reason: DeadLetterReason, detail: string): AdmittedReport => ({ kind: "refused", reason, detail });
