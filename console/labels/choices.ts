import labels from "../../includes/labels.js";

/** A class that a person can say, with its key and what it means. */
export interface Choice {
  readonly label: string;
  readonly key: string;
  readonly meaning: string;
}

const said: Readonly<Record<string, readonly [key: string, meaning: string]>> = {
  spam_complaint: ["p", "called it spam"],
  hard_bounce: ["h", "no such mailbox"],
  soft_bounce: ["t", "put off, never arrived"],
  blocked: ["k", "refused by policy or reputation"],
  unsubscribed: ["u", "a person left the list"],
  converted: ["v", "a person bought or signed up"],
  clicked: ["c", "a person followed a link"],
  replied: ["r", "a person answered"],
  opened: ["o", "a person opened it"],
  summary_only: ["s", "read as a summary only"],
  not_delivered: ["d", "never arrived, nobody says why"],
  unknown: ["x", "nobody can tell"],
  no_engagement: ["n", "arrived, and nobody did anything"],
};

/** The classes in their order of precedence, the first that holds is meant. */
export const choices: readonly Choice[] = (labels.names as readonly string[]).map((label) => {
  const [key, meaning] = said[label] ?? [];
  if (key === undefined || meaning === undefined) throw new Error(`console/labels/choices.ts: no key for ${label}`);
  return { label, key, meaning };
});

/** Keys that are no class. */
export const acts = { skip: ".", undo: "z", quit: "q" } as const;

const keys = [...choices.map(({ key }) => key), ...Object.values(acts)];
if (new Set(keys).size !== keys.length) throw new Error("console/labels/choices.ts: two things have one key");
