import type { Warehouse } from "../../warehouse/warehouse.ts";
import { type Agreement, cohensKappa, type Share, shareOf, tableOf } from "./agreement.ts";

export interface PairAgreement extends Agreement {
  readonly first: string;
  readonly second: string;
  /** A question, or `class`: which of all classes. */
  readonly of: string;
}

/** How often people said otherwise than the label model, of messages that were put before them for one reason. */
export interface OriginWorth {
  readonly origin: string;
  readonly question: string;
  readonly overturned: Share;
}

export interface LabelAgreement {
  readonly pairs: readonly PairAgreement[];
  readonly origins: readonly OriginWorth[];
}

interface Said {
  readonly message_id: string;
  readonly labelled_by: string;
  readonly question: string;
  readonly label: string;
  readonly answer: boolean | null;
  readonly model_probability: number | null;
  readonly review_origin: string | null;
}

/** Fewer messages in common than this, and an interval of kappa is not to be relied on. */
export const leastInCommon = 20;

/** What people agree on, pair by pair, and what the choice of messages is worth: read from labels.human_answers. */
export async function readAgreement(
  warehouse: Pick<Warehouse, "query">,
  signal?: AbortSignal,
): Promise<LabelAgreement> {
  const { rows } = await warehouse.query(
    `select message_id, labelled_by, question, label, answer, model_probability, review_origin
    from labels.human_answers
    where labelled_by is not null
    order by message_id, labelled_by, question`,
    { signal, file: "what people said" },
  );
  return agreementOf(
    rows.map((row) => ({
      message_id: String(row["message_id"]),
      labelled_by: String(row["labelled_by"]),
      question: String(row["question"]),
      label: String(row["label"]),
      answer: row["answer"] === null || row["answer"] === undefined ? null : row["answer"] === true,
      model_probability:
        row["model_probability"] === null || row["model_probability"] === undefined
          ? null
          : Number(row["model_probability"]),
      review_origin:
        row["review_origin"] === null || row["review_origin"] === undefined ? null : String(row["review_origin"]),
    })),
  );
}

export function agreementOf(said: readonly Said[]): LabelAgreement {
  const [once] = [...new Set(said.map(({ question }) => question))].sort();
  const pairs = new Map<string, [string, string][]>();
  const add = (key: readonly string[], pair: [string, string]) => {
    const name = JSON.stringify(key);
    const found = pairs.get(name) ?? [];
    pairs.set(name, found);
    found.push(pair);
  };
  for (const [, own] of grouped(said, ({ message_id, question }) => JSON.stringify([message_id, question])))
    for (const [i, a] of own.entries())
      for (const b of own.slice(i + 1)) {
        // the class stands beside every question, and counts once
        if (a.question === once) add([a.labelled_by, b.labelled_by, "class"], [a.label, b.label]);
        if (a.answer !== null && b.answer !== null)
          add([a.labelled_by, b.labelled_by, a.question], [String(a.answer), String(b.answer)]);
      }
  const origins = grouped(
    said.filter((one) => one.review_origin !== null && one.answer !== null && one.model_probability !== null),
    ({ review_origin, question }) => JSON.stringify([review_origin, question]),
  );
  return {
    pairs: [...pairs]
      .map(([key, both]) => {
        const [first, second, of] = JSON.parse(key) as [string, string, string];
        return { first, second, of, ...cohensKappa(tableOf(both).table) };
      })
      .sort((a, b) => (`${a.first} ${a.second} ${a.of}` < `${b.first} ${b.second} ${b.of}` ? -1 : 1)),
    origins: [...origins]
      .map(([key, own]) => {
        const [origin, question] = JSON.parse(key) as [string, string];
        const other = own.filter((one) => one.answer !== (one.model_probability as number) >= 0.5).length;
        return { origin, question, overturned: shareOf(other, own.length) };
      })
      .sort((a, b) => (`${a.question} ${a.origin}` < `${b.question} ${b.origin}` ? -1 : 1)),
  };
}

function grouped<T>(list: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const one of list) {
    const key = keyOf(one);
    const own = found.get(key) ?? [];
    found.set(key, own);
    own.push(one);
  }
  return found;
}
