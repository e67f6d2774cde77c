import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../../errors/user-error.ts";
import { checkedYaml } from "../../../platform/checked-yaml.ts";
import { type Knowledge, type KnownTable, ownKnowledge } from "./sources.ts";

/** Where a project says when what its sources say becomes known, beside its settings. */
export const knownAtFile = "known_at.yaml";

const name = z.string().min(1);
const columns = z.array(name).default([]);
const tableName = /^[^.\s]+\.[^.\s]+$/;
const columnName = z.string().regex(/^[^.\s]+\.[^.\s]+\.[^.\s]+$/, "a column is named dataset.table.column");

const table = z
  .strictObject({
    /** act: from the time in `at` on; send: as we decide it; state: as of the build; fixed: before every send; query: as its query says. */
    kind: z.enum(["act", "send", "state", "fixed", "query"]),
    at: name.optional(),
    times: columns,
    ends: columns,
    received_at: name.optional(),
    sent_at: name.optional(),
    ids: z.record(name, z.enum(["mail", "user", "person", "campaign"])).default({}),
    unique: z.array(z.array(name).min(1)).default([]),
    rows: z.literal("sent").optional(),
    known: columns,
  })
  .superRefine((given, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (given.kind === "act" && given.at === undefined) issue("kind", "an act wants `at`: the column that says when");
    if (given.kind !== "act" && given.kind !== "send" && given.at !== undefined)
      issue("at", `a row of the kind ${given.kind} is not known from a time on`);
    if (given.kind !== "query" && given.known.length > 0)
      issue("known", "only of a table that is followed through its query");
    if (given.rows !== undefined && given.sent_at === undefined)
      issue("rows", "wants `sent_at`: the column that says when");
  });

const shape = z.strictObject({
  schema: z.literal("1"),
  tables: z
    .record(z.string(), table)
    .superRefine((tables, context) => {
      for (const id of Object.keys(tables))
        if (!tableName.test(id))
          context.addIssue({ code: "custom", path: [id], message: "a table is named dataset.table" });
    })
    .default({}),
  accepted: z
    .array(z.strictObject({ column: columnName, from: z.array(columnName).min(1), why: z.string().min(10) }))
    .default([]),
});

/** Throws where a project's file speaks of a table that the project has not, or of a column that its table is known not to have. */
export function refuseStrangers(
  knowledge: Knowledge,
  tables: ReadonlyMap<string, ReadonlySet<string> | undefined>,
): void {
  for (const [id, said] of knowledge.stated) {
    if (!tables.has(id)) throw refusal(`the project has no table ${id}`, knownAtFile);
    const has = tables.get(id);
    const named = [
      said.at,
      said.sentAt,
      said.receivedAt,
      ...(said.times ?? []),
      ...(said.ends ?? []),
      ...(said.known ?? []),
    ];
    const more = [...Object.keys(said.ids ?? {}), ...(said.unique ?? []).flat()];
    const wrong = [...named, ...more].find((column) => column !== undefined && has && !has.has(column));
    if (wrong !== undefined) throw refusal(`${id} has no column ${wrong}`, knownAtFile);
  }
}

/** What is known of a project's tables: what its own file says, and of the others what comes with Inboxloop. */
export async function knowledgeOf(projectDir: string): Promise<Knowledge> {
  const text = await readFile(join(projectDir, knownAtFile), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? ownKnowledge : knowledgeIn(text, knownAtFile);
}

/** The same from the file's text. */
export function knowledgeIn(text: string, file: string): Knowledge {
  const given = checkedYaml(text, file, shape, refusal);
  const lower = (one: string): string => one.toLowerCase();
  const stated = Object.entries(given.tables).map(([id, one]): readonly [string, KnownTable] => {
    const { sent_at, received_at, at, times, ends, ids, unique, known, ...rest } = one;
    const table: KnownTable = {
      ...rest,
      at: at && lower(at),
      sentAt: sent_at && lower(sent_at),
      receivedAt: received_at && lower(received_at),
      times: times.map(lower),
      ends: ends.map(lower),
      ids: Object.fromEntries(Object.entries(ids).map(([column, of]) => [lower(column), of])),
      unique: unique.map((key) => key.map(lower)),
      known: known.map(lower),
    };
    return [lower(id), table];
  });
  return {
    tables: new Map([...ownKnowledge.tables, ...stated]),
    stated: new Map(stated),
    accepted: [
      ...ownKnowledge.accepted,
      ...given.accepted.map(({ column, from, why }) => ({ column: lower(column), from: from.map(lower), why })),
    ],
  };
}

const refusal = (message: string, where: string): UserError =>
  new UserError(`not a known_at.yaml: ${message}`, {
    code: "leakage.known-at",
    exit: "config",
    where,
    next: "docs/reference/leakage.md has every line and what it means",
  });
