import features from "../../includes/features.js";
import { compileProject } from "../../warehouse/dataform/compile.ts";
import type { TableAction } from "../../warehouse/dataform/graph.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import type { QueryResult } from "../../warehouse/warehouse.ts";

/** How the messages of five weeks come about. Nothing changes over the weeks unless `shift` says so. */
export interface Weeks {
  readonly seed: number;
  /** Messages of the current week; four times as many in the four weeks before. */
  readonly messages: number;
  /** Messages of a customer in five weeks, on the average; the busiest have very many more. */
  readonly perCustomer: number;
  /** Share of values that are the customer's own, the same in all of their messages. */
  readonly ofCustomer: number;
  /** Share of values that all messages of a day have in common. */
  readonly ofDay: number;
  /** Whether busy customers have other values than the rest. */
  readonly isBusyOther: boolean;
  /** A feature whose values move in the current week, so that its index is about so much; without end: all become the greatest. */
  readonly shift?: { readonly feature: string; readonly psi: number } | undefined;
}

/** Worlds in which nothing moves, each hard in its own way for whoever takes messages for independent. */
export const worlds: Readonly<Record<string, Omit<Weeks, "seed" | "messages" | "shift">>> = {
  "one message each": { perCustomer: 1, ofCustomer: 0, ofDay: 0, isBusyOther: false },
  "values of the customer": { perCustomer: 8, ofCustomer: 1, ofDay: 0, isBusyOther: false },
  "many messages": { perCustomer: 20, ofCustomer: 0.7, ofDay: 0, isBusyOther: false },
  "busy customers differ": { perCustomer: 8, ofCustomer: 0.9, ofDay: 0, isBusyOther: true },
  "days differ": { perCustomer: 4, ofCustomer: 0.4, ofDay: 0.3, isBusyOther: false },
};

export interface Told {
  readonly feature: string;
  readonly level: string;
  readonly psi: number | null;
  readonly adjusted: number | null;
}

const asOf = "2026-02-01T00:00:00Z";

/**
 * The project's own drift models over messages that a generator of its own makes: native DuckDB, numbers from hashes, its own
 * distributions, none of them those of the simulator.
 */
export class DriftRoom {
  private readonly warehouse: DuckDbWarehouse;
  private readonly fillBins: () => Promise<void>;
  private readonly ask: () => Promise<QueryResult>;

  private constructor(warehouse: DuckDbWarehouse, fillBins: () => Promise<void>, ask: () => Promise<QueryResult>) {
    this.warehouse = warehouse;
    this.fillBins = fillBins;
    this.ask = ask;
  }

  static async open(projectDir: string, cacheDir: string): Promise<DriftRoom> {
    const { graph } = await compileProject({ projectDir, cacheDir, vars: { as_of: asOf } });
    const queryOf = (name: string): string =>
      (graph.actions.find(({ kind, target }) => kind !== "assertion" && target.name === name) as TableAction).query;
    const warehouse = await openDuckDbWarehouse({ path: ":memory:" });
    const columns = features.list.map(({ name, type }) => `${name} ${type === "number" ? "float64" : "string"}`);
    await warehouse.execute(`create schema if not exists features;
      create schema if not exists monitoring;
      create table features.message_features (message_id string, user_id_hash string, sent_at timestamp, ${columns.join(", ")})`);
    await warehouse.execute(`create table monitoring.drift_bins as ${queryOf("drift_bins")}`);
    // translated once: weeks differ in their rows only
    const { lane } = warehouse;
    const fillBins = await (await lane.speak()).prepareInsert("monitoring.drift_bins", queryOf("drift_bins"), {
      file: "drift_bins.sqlx",
    });
    return new DriftRoom(warehouse, fillBins, await (await lane.speak()).prepare(queryOf("drift"), {}));
  }

  /** What the models say of such weeks. */
  async tell(weeks: Weeks): Promise<readonly Told[]> {
    const { connection } = this.warehouse.lane;
    await connection.run("truncate features.message_features");
    await connection.run(messages(weeks));
    await connection.run("truncate monitoring.drift_bins");
    await this.fillBins();
    const { rows } = await this.ask();
    return rows.map((row) => ({
      feature: String(row["feature"]),
      level: String(row["drift_level"]),
      psi: row["psi"] as number | null,
      adjusted: row["drift_p_adjusted"] as number | null,
    }));
  }

  close(): Promise<void> {
    return this.warehouse.close();
  }
}

/** What numbers are drawn for; a feature has channels of its own from `feature` on. */
const channel = { customer: 0, instant: 1, isShifted: 2, other: 3, feature: 10 };

/** A number from 0 to 1 that hangs together with no other: the hash of an integer that stands for what it is drawn for. */
const chance = (seed: number, drawnFor: number, of: string): string =>
  `(hash(${BigInt(seed) * 1000n + BigInt(drawnFor)} * 10000000000 + cast(${of} as bigint)) / 18446744073709551616.0)`;

/** The place of a value among all values, 0 to 1 in equal measure, as a value: counts, days and rates have tails of other weight. */
function valueAt(name: string, place: string): string {
  if (/rate|average/.test(name)) return `case when ${place} < 0.08 then null else pow(${place}, 3) end`;
  if (/^days_/.test(name)) return `case when ${place} > 0.9 then null else -18 * ln(1 - ${place}) end`;
  if (/revenue/.test(name)) return `case when ${place} < 0.7 then 0 else 40 / (1.0001 - ${place}) - 130 end`;
  if (name === "subject_length") return `floor(20 + 70 * ${place})`;
  if (name === "sent_hour") return `floor(24 * ${place})`;
  return `floor(-4 * ln(1 - ${place}))`;
}

/** Values of a category by their share; some are rare. */
const categoryOf = (place: string): string =>
  `case when ${place} < 0.45 then 'a' when ${place} < 0.7 then 'b' when ${place} < 0.85 then 'c' when ${place} < 0.95 then 'd' when ${place} < 0.99 then 'e' else 'f' end`;

function messages(weeks: Weeks): string {
  const { seed, perCustomer, ofCustomer, ofDay, isBusyOther, shift } = weeks;
  const total = weeks.messages * 5;
  const customers = Math.max(1, Math.round(total / perCustomer));
  // by a power law: the first hundredth of the customers has a tenth of the messages
  const customer =
    perCustomer === 1 ? "n" : `cast(floor(${customers} * pow(${chance(seed, channel.customer, "n")}, 2)) as bigint)`;
  const columns = features.list.map(({ name, type }, i) => {
    const first = channel.feature + 4 * i;
    const traits = chance(seed, first, "who");
    const own = isBusyOther ? `(0.6 * ${traits} + 0.4 * who / ${customers})` : traits;
    const which = chance(seed, first + 1, "n");
    const ofItsDay = chance(seed, first + 2, "floor(since / 86400)");
    const drawn = `case when ${which} < ${ofDay} then ${ofItsDay} when ${which} < ${ofDay + ofCustomer} then ${own} else ${chance(seed, first + 3, "n")} end`;
    // the value is the better one of two in a share c: density 1 + c (2x - 1), an index of c^2 / 3 + c^4 / 15 + ..., 0.25 for 0.8
    const better = 0.924 * Math.sqrt(3 * (shift?.psi ?? 0));
    const place =
      shift === undefined || shift.feature !== name
        ? drawn
        : shift.psi === Number.POSITIVE_INFINITY
          ? `case when since >= 28 * 86400 then 0.999 else ${drawn} end`
          : `case when since >= 28 * 86400 and ${chance(seed, channel.isShifted, "n")} < ${better} then greatest(${drawn}, ${chance(seed, channel.other, "n")}) else ${drawn} end`;
    return `${type === "number" ? valueAt(name, "p") : categoryOf("p")} as ${name}`.replaceAll(/\bp\b/g, `(${place})`);
  });
  return `insert into features.message_features by name
    select 'm' || n as message_id, 'u' || who as user_id_hash, timestamptz '2025-12-28 00:00:00+00' + to_seconds(since) as sent_at, ${columns.join(", ")}
    from (
      select n, ${customer} as who, floor(${chance(seed, channel.instant, "n")} * 35 * 86400) as since
      from range(${total}) as r(n)
    )`;
}
