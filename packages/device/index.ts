import { type Epsilon, type MechanismName, mechanisms, type Reading, readings } from "./mechanisms.ts";
import { type Draw, randomised, rounded } from "./randomise.ts";

export type { Epsilon, MechanismName, Reading } from "./mechanisms.ts";

/** What is asked: a campaign, the first day of a period in UTC (`2026-01-26`), and what an answer may cost, as `device_reports` of the sender's settings has them. */
export interface Asked {
  readonly campaign: string;
  readonly period: string;
  readonly epsilon: Epsilon;
}

/** Where a device keeps what it has said, for as long as it may be asked; like `getItem` and `setItem` of localStorage. */
export interface Store {
  get(key: string): string | null | undefined;
  set(key: string, text: string): void;
}

/** All that leaves the device. */
export interface Report {
  readonly report_id: string;
  readonly campaign_id: string;
  readonly period_at: string;
  readonly mechanism: MechanismName;
  readonly epsilon: Epsilon;
  readonly answer: number;
}

/** What was seen of the campaign's mail and its summary, as a report. Ask of every device that got the mail, `none` included. */
export function summaryReading(asked: Asked, reading: Reading, store: Store): Report {
  const truth = readings.indexOf(reading);
  if (truth < 0) throw new TypeError("the reading is none of none, summary, expanded, full");
  return reported("summary_reading_v1", asked, store, () => truth);
}

/** For how many seconds the campaign's mail was on the screen, as a report; 0 where it was not opened. */
export function readTime(asked: Asked, seconds: number, store: Store): Report {
  if (!(seconds >= 0)) throw new TypeError("the read time is no number of seconds");
  return reported("read_time_v1", asked, store, (draw) => rounded(seconds, draw));
}

/** The report that was made before for the same question, campaign and period, whatever is true by now; else a new one, which is kept before it is given out. */
function reported(mechanism: MechanismName, asked: Asked, store: Store, truth: (draw: Draw) => number): Report {
  const { campaign, period, epsilon } = asked;
  if (mechanisms[mechanism].widths[epsilon] === undefined) throw new TypeError("there is no such epsilon");
  if (campaign === "" || !/^\d{4}-\d\d-\d\d$/.test(period))
    throw new TypeError("a campaign and the day on which its period began");
  const key = `inboxloop/device/${mechanism}/${period}/${campaign}`;
  const before = store.get(key);
  // What was kept and cannot be read is an error to the caller: a second draw would tell more than the first was allowed to.
  if (before !== null && before !== undefined) return JSON.parse(before) as Report;
  const report: Report = {
    report_id: Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join(""),
    campaign_id: campaign,
    period_at: `${period}T00:00:00Z`,
    mechanism,
    epsilon,
    answer: randomised(mechanisms[mechanism], epsilon, truth(draw), draw),
  };
  const text = JSON.stringify(report);
  store.set(key, text);
  if (store.get(key) !== text) throw new Error("the store does not keep what it is given, so nothing is reported");
  return report;
}

const draw: Draw = () => crypto.getRandomValues(new Uint16Array(1))[0]!;
