import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { exitCodes, UserError } from "../../../errors/user-error.ts";
import { createIdsOf } from "../../../ingest/door/id-hasher.ts";
import { writeSuppressions } from "../../../ingest/suppressions/formats.ts";
import type { Row } from "../../../warehouse/warehouse.ts";
import type { Environment } from "../../environment.ts";
import { ingestKeys } from "../../ingest-keys.ts";
import { renderTable } from "../../table.ts";
import type { DestinationOptions } from "../ingest/destination.ts";
import { endWith, runIngestFile } from "../ingest/file.ts";
import { renderOutcome } from "../ingest/render.ts";

/** `inboxloop suppressions import`. */
export async function importCommand(
  environment: Environment,
  files: readonly string[],
  { format, reason, ...options }: DestinationOptions & { readonly format: string; readonly reason?: string },
): Promise<void> {
  const summary = await runIngestFile(environment, files, { ...options, suppressions: { format, reason } });
  environment.console.result(summary, () => renderOutcome(summary));
  endWith(environment, summary);
}

/** One person asked about: the id's hash under the active key, and what eligibility says of it, or of the same address under a former key. */
interface Checked {
  readonly user_id_hash: string;
  /** False where no table has heard of the id. */
  readonly is_known: boolean;
  readonly rules: readonly {
    readonly channel: string;
    readonly campaign_kind: string;
    readonly is_eligible: boolean;
    readonly reasons: readonly string[];
  }[];
}

/** `inboxloop suppressions check`. */
export async function checkCommand(
  environment: Environment,
  ids: readonly string[],
  { file }: { readonly file?: string },
): Promise<void> {
  const asked = [...ids, ...(file === undefined ? [] : await linesOf(environment, file))];
  if (asked.length === 0)
    throw new UserError("nobody to look up: name ids or addresses, or --file", {
      code: "suppressions.nobody",
      exit: "usage",
      next: "inboxloop suppressions check --help",
    });
  const found = await readRules(environment, asked.map(idsOf(environment)));
  const checked = found.map(
    ({ ids: [hash = ""], rules }): Checked => ({
      user_id_hash: hash,
      is_known: rules.length > 0,
      rules: rules.map(({ is_suppressed: _, ...rule }) => rule),
    }),
  );
  environment.console.result(checked, () =>
    renderTable(
      [{ title: "id" }, { title: "channel" }, { title: "campaigns" }, { title: "may be sent" }, { title: "why not" }],
      checked.flatMap(({ user_id_hash, is_known, rules }) =>
        is_known
          ? rules.map((rule) => [
              user_id_hash.slice(0, 19),
              rule.channel,
              rule.campaign_kind,
              rule.is_eligible ? "yes" : "no",
              rule.reasons.join(", "),
            ])
          : [[user_id_hash.slice(0, 19), "", "", "no", "not known: no consent, no profile"]],
      ),
    ),
  );
  const mayBeSent = (one: Checked) =>
    one.rules.some((rule) => rule.channel === "email" && rule.campaign_kind === "bulk" && rule.is_eligible);
  if (!checked.some(mayBeSent)) process.exitCode = exitCodes.check;
}

/** `inboxloop suppressions export`. */
export async function exportCommand(
  environment: Environment,
  { format, addresses, out }: { readonly format: string; readonly addresses: string; readonly out: string },
): Promise<void> {
  const asked = await linesOf(environment, addresses);
  const found = await readRules(environment, asked.map(idsOf(environment)));
  const entries = asked.flatMap((address, i) => {
    const rule = found[i]!.rules.find((one) => one.channel === "email" && one.campaign_kind === "bulk");
    return rule?.is_suppressed ? [{ address, reason: worst(rule.reasons) }] : [];
  });
  await writeFile(resolve(environment.cwd, out), writeSuppressions(format, entries), { mode: 0o600 });
  const result = { asked: asked.length, suppressed: entries.length, out };
  environment.console.result(
    result,
    () => `${entries.length} of ${asked.length} addresses must not be reached: ${out}`,
  );
}

/** The reason that a list has room for: a complaint says most. */
const worst = (reasons: readonly string[]): string =>
  ["complaint", "hard_bounce", "unsubscribe", "one_click"].find((reason) => reasons.includes(reason)) ?? reasons[0]!;

async function linesOf(environment: Environment, file: string): Promise<readonly string[]> {
  const content =
    file === "-"
      ? await text(process.stdin)
      : await readFile(resolve(environment.cwd, file), "utf8").catch((cause: NodeJS.ErrnoException) => {
          throw new UserError(`the file cannot be read (${cause.code})`, {
            code: "suppressions.no-file",
            exit: "usage",
            where: file,
            next: "ls",
            cause,
          });
        });
  const lines = content.split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== "");
}

const idsOf = (environment: Environment) => createIdsOf(ingestKeys(environment).ids);

interface Rule {
  readonly channel: string;
  readonly campaign_kind: string;
  readonly is_eligible: boolean;
  readonly is_suppressed: boolean;
  readonly reasons: readonly string[];
}

/** What eligibility says of people, each by all ids of one address: what forbids mail to one of them forbids it to the address. */
async function readRules(
  environment: Environment,
  people: readonly (readonly string[])[],
): Promise<readonly { readonly ids: readonly string[]; readonly rules: readonly Rule[] }[]> {
  const byId = new Map<string, Rule[]>();
  for (const row of await rowsAbout(environment, people.flat())) {
    const id = String(row["user_id_hash"]);
    const own = byId.get(id) ?? [];
    byId.set(id, own);
    own.push({
      channel: String(row["channel"]),
      campaign_kind: String(row["campaign_kind"]),
      is_eligible: row["is_eligible"] === true,
      is_suppressed: row["is_suppressed"] === true,
      reasons: row["reasons"] as readonly string[],
    });
  }
  return people.map((ids) => {
    const rules = new Map<string, Rule>();
    for (const rule of ids.flatMap((id) => byId.get(id) ?? [])) {
      const key = `${rule.channel} ${rule.campaign_kind}`;
      const known = rules.get(key);
      rules.set(
        key,
        known
          ? {
              ...rule,
              is_eligible: known.is_eligible && rule.is_eligible,
              is_suppressed: known.is_suppressed || rule.is_suppressed,
              reasons: [...new Set([...known.reasons, ...rule.reasons])],
            }
          : rule,
      );
    }
    return { ids, rules: [...rules.values()] };
  });
}

async function rowsAbout(environment: Environment, hashes: readonly string[]): Promise<readonly Row[]> {
  const warehouse = await environment.target.openWarehouse();
  try {
    if ((await warehouse.columns("governance.recipient_eligibility")) === undefined)
      throw new UserError("there is no governance.recipient_eligibility yet", {
        code: "suppressions.not-built",
        exit: "check",
        next: "inboxloop build --select +recipient_eligibility",
      });
    const { rows } = await warehouse.query(
      `select user_id_hash, channel, campaign_kind, is_eligible, is_suppressed, reasons
from governance.recipient_eligibility
where user_id_hash in (select id from unnest(@ids) as id)
order by user_id_hash, channel, campaign_kind`,
      { params: { ids: [...new Set(hashes)] }, file: "suppressions", signal: environment.signal },
    );
    return rows;
  } finally {
    await warehouse.close();
  }
}
