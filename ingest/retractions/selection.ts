import { UserError } from "../../errors/user-error.ts";
import { instantText, type Micros, parseInstant } from "../door/instant.ts";
import { type RawRow, rawColumns } from "../door/raw-row.ts";
import { isRetractable } from "./row-digest.ts";

/** Rows of one raw table, by what is allowed to be asked of them. */
export interface Selection {
  readonly table: string;
  readonly source?: string | undefined;
  readonly types?: ReadonlySet<string> | undefined;
  readonly campaign?: string | undefined;
  readonly ids?: ReadonlySet<string> | undefined;
  /** Half-open. */
  readonly receivedFrom?: Micros | undefined;
  readonly receivedTo?: Micros | undefined;
}

/** The column that is the id of a row's own thing; other tables have none. */
const idColumns = ["event_id", "decision_id", "dead_letter_id", "seed_test_id", "report_id", "campaign_id"];
export const idColumn = (table: string): string | undefined =>
  idColumns.find((name) => rawColumns(table).some((column) => column.name === name));

/** The column that says where a row came from. */
const sourceColumn = (table: string): string | undefined =>
  ["provenance", "source"].find((name) => rawColumns(table).some((column) => column.name === name));

const term = /^(table|source|type|campaign|id)\s*(=|in)\s*(.+)$|^(received)\s*(>=|<)\s*(.+)$/i;

/**
 * Reads `--where`: terms joined by `and`, each of which a row must meet.
 *
 *   table = consents            which raw table (default: events)
 *   source = webhook/mailgun    what its provenance says
 *   type = open, click          one of these event types
 *   campaign = spring-sale
 *   id = a1, a2 | id in FILE    event ids (decisions: decision ids ...), or a file of them, one a line
 *   received >= 2026-01-31 and received < 2026-02-01T08:00:00Z
 *
 * `readIds` gives the lines of a file. Throws `UserError` on anything else, and where nothing but a table is asked for.
 */
export function parseSelection(text: string, readIds: (path: string) => readonly string[]): Selection {
  const found: { -readonly [key in keyof Selection]: Selection[key] } = { table: "events" };
  let asked = 0;
  for (const part of text.split(/\s+and\s+/i).map((one) => one.trim())) {
    const match = term.exec(part);
    if (!match) throw refused(`"${part}" is none of what can be asked`);
    const key = (match[1] ?? match[4])!.toLowerCase();
    const operator = (match[2] ?? match[5])!.toLowerCase();
    const value = unquoted(match[3] ?? match[6]!);
    if (operator === "in" && key !== "id") throw refused(`"${part}": only ids come from a file`);
    if (key === "table") found.table = value.replace(/^raw\./, "");
    else asked += 1;
    if (key === "source") found.source = value;
    if (key === "campaign") found.campaign = value;
    if (key === "type") {
      found.types = listed(value);
      for (const type of found.types)
        if (!/^[a-z_]+$/.test(type)) throw refused(`"${part}" is none of what can be asked`);
    }
    if (key === "id") found.ids = operator === "in" ? new Set(readIds(value)) : listed(value);
    if (key === "received") {
      const at = parseInstant(value);
      if (at === undefined) throw refused(`"${part}": no day and no instant`);
      if (operator === "<") found.receivedTo = at;
      else found.receivedFrom = at;
    }
  }
  if (!isRetractable(found.table)) throw refused(`no rows of raw.${found.table} can be taken back`);
  if (asked === 0) throw refused(`"${text}" asks for a whole table`);
  for (const [key, column] of [
    ["source", sourceColumn(found.table)],
    ["types", rawColumns(found.table).find(({ name }) => name === "event_type")],
    ["campaign", rawColumns(found.table).find(({ name }) => name === "campaign_id")],
    ["ids", idColumn(found.table)],
  ] as const)
    if (found[key] !== undefined && column === undefined) throw refused(`raw.${found.table} has no ${key}`);
  return found;
}

const listed = (value: string): ReadonlySet<string> =>
  new Set(
    value
      .split(",")
      .map((one) => unquoted(one.trim()))
      .filter((one) => one !== ""),
  );

const unquoted = (value: string): string => /^(['"])(.*)\1$/.exec(value.trim())?.[2] ?? value.trim();

const refused = (what: string): UserError =>
  new UserError(what, {
    code: "ingest.bad-selection",
    exit: "usage",
    where: "--where",
    next: "--where 'source = webhook/mailgun and type = click and received >= 2026-01-31 and received < 2026-02-01' (inboxloop ingest retract --help)",
  });

/** Whether a row is asked for. */
export function selects(selection: Selection): (row: RawRow) => boolean {
  const { table, source, types, campaign, ids, receivedFrom, receivedTo } = selection;
  const [from, id] = [sourceColumn(table), idColumn(table)];
  return (row) => {
    const received = row["received_at"] as Micros;
    return (
      (receivedFrom === undefined || received >= receivedFrom) &&
      (receivedTo === undefined || received < receivedTo) &&
      (source === undefined || row[from!] === source) &&
      (types === undefined || types.has(String(row["event_type"]))) &&
      (campaign === undefined || row["campaign_id"] === campaign) &&
      (ids === undefined || ids.has(String(row[id!])))
    );
  };
}

/** The part of it that an engine can cut partitions by, as GoogleSQL with its parameters; `selects` has the last word. */
export function selectionSql({ table, source, receivedFrom, receivedTo }: Selection): {
  readonly where: string;
  readonly params: Readonly<Record<string, unknown>>;
} {
  const terms: string[] = [];
  const params: Record<string, unknown> = {};
  const ask = (name: string, sql: string, value: unknown): void => {
    if (value === undefined) return;
    terms.push(sql);
    params[name] = value;
  };
  ask("source", `${sourceColumn(table)} = @source`, source);
  ask("received_from", "received_at >= @received_from", receivedFrom && new Date(instantText(receivedFrom)));
  ask("received_to", "received_at < @received_to", receivedTo && new Date(Math.ceil(receivedTo / 1000)));
  return { where: terms.length > 0 ? terms.join(" and ") : "true", params };
}
