import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { checkedYaml } from "../../platform/checked-yaml.ts";

/** What kind of thing a column says of people; from the most to the least that can be done with it against somebody. */
export const dataClasses = [
  "direct_identifier",
  "sensitive",
  "pseudonym",
  "commercial",
  "behaviour",
  "reference",
] as const;
export type DataClass = (typeof dataClasses)[number];

/** What may be done with a column, in the order of its life; at `deletion` the matrix says for how long it is kept. */
export const stages = ["collection", "storage", "transformation", "activation"] as const;
export type Stage = (typeof stages)[number];

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, "lower-case letters, digits, dashes, underscores");
const words = z.string().trim().min(1);
const purposes = z.array(name);
const dataClass = z.enum(dataClasses);
/** `schema.table.column`; `*` stands for any run of characters between two dots, `(rows)` for which rows there are. */
const columnPattern = z
  .string()
  .regex(/^[\w*]+\.[\w*]+(\.([\w*]+|\(rows\))(\.([\w*]+|"[^"]+"))*)?$/, "schema.table or schema.table.column");
const table = z.string().regex(/^\w+\.\w+$/, "schema.table");
const days = z.int().positive();

const classShape = z.strictObject({
  means: words,
  collection: purposes,
  storage: purposes,
  transformation: purposes,
  activation: purposes,
  /** Kept no longer than so many days after it was received; null: as long as what it stands beside. */
  deletion: z.strictObject({ after_days: days.nullable() }),
});

/** One class; of a JSON column one for each key, `*` for those that nobody named. */
const columnShape = z.union([dataClass, z.record(z.string().min(1), dataClass)]);

const useShape = z.strictObject({
  name,
  stage: z.enum(stages),
  purposes: purposes.min(1),
  of: z.array(columnPattern).min(1),
  except: z.array(columnPattern).default([]),
});

const derivedShape = z.strictObject({
  of: z.array(columnPattern).min(1),
  class: dataClass,
  /** Why it is no longer what it is made of. */
  because: words,
});

const grantShape = z.strictObject({
  name,
  /** Sensitive columns where they begin. */
  of: z.array(columnPattern).min(1),
  stages: z.array(z.enum(stages)).min(1),
  purposes: purposes.min(1),
  lawful_basis: z.strictObject({
    /** GDPR Article 9(2), by its letter. */
    article: z.string().regex(/^9\(2\)\([a-j]\)$/, "a letter of GDPR Article 9(2), like 9(2)(a)"),
    /** Where it is written down: the consent's text, the assessment. */
    reference: words,
  }),
  until: z.iso.date(),
});
export type Grant = z.infer<typeof grantShape>;

const roleShape = z.strictObject({ means: words, sees: z.array(dataClass) });

/** The name under which the policy as a whole is proposed and approved. */
export const wholePolicy = "matrix";

/** `governance/policies.yaml`: what each column is, and which class may serve which purpose at which stage. */
export const dataPolicyShape = z
  .strictObject({
    version: z.literal(1),
    purposes: z.record(name, z.strictObject({ rests_on: z.enum(["consent", "law"]), means: words })),
    classes: z.record(dataClass, classShape),
    columns: z.record(table, z.record(z.string().min(1), columnShape)),
    retention: z.record(table, z.strictObject({ after_days: days.nullable(), because: words })).default({}),
    uses: z.array(useShape).min(1),
    derived: z.array(derivedShape).default([]),
    grants: z.array(grantShape).default([]),
    /** Who reads, and which classes they see as they are. */
    roles: z.record(name, roleShape).default({}),
  })
  .superRefine((policy, context) => {
    const issue = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    const known = Object.keys(policy.purposes);
    const purposesAt = (path: (string | number)[], stated: readonly string[]): void => {
      const stranger = stated.find((one) => !known.includes(one));
      if (stranger !== undefined) issue(path, `no purpose "${stranger}"; there is ${known.join(", ")}`);
    };
    for (const [one, of] of Object.entries(policy.classes))
      for (const stage of stages) purposesAt(["classes", one, stage], of[stage]);
    const { sensitive } = policy.classes;
    const open = stages.find((stage) => sensitive[stage].length > 0);
    if (open) issue(["classes", "sensitive", open], "serves no purpose of its own: each use takes an entry of grants");
    for (const list of ["uses", "grants"] as const) {
      const names = policy[list].map((one) => one.name);
      for (const [i, one] of policy[list].entries()) {
        purposesAt([list, i, "purposes"], one.purposes);
        if (names.indexOf(one.name) !== i) issue([list, i, "name"], `"${one.name}" is there twice`);
      }
    }
    for (const [of, columns] of Object.entries(policy.columns))
      for (const [column, stated] of Object.entries(columns))
        if (typeof stated !== "string" && !("*" in stated))
          issue(["columns", of, column], 'keys of JSON need a "*" for those that are not named');
    const whole = policy.grants.findIndex((one) => one.name === wholePolicy);
    if (whole >= 0) issue(["grants", whole, "name"], `"${wholePolicy}" is the policy as a whole`);
    for (const of of Object.keys(policy.retention))
      if (!(of in policy.columns)) issue(["retention", of], "is none of the tables under columns");
  });
export type DataPolicy = z.infer<typeof dataPolicyShape>;
export type Use = DataPolicy["uses"][number];

/** Where a project states its data policy. */
export const dataPolicyFile = "governance/policies.yaml";

/** Reads a data policy. What is wrong is told with its line. */
export const parseDataPolicy = (text: string, file: string): DataPolicy =>
  checkedYaml(
    text,
    file,
    dataPolicyShape,
    (message, where) =>
      new UserError(`not a data policy: ${message}`, {
        code: "data-policy.invalid",
        exit: "config",
        where,
        next: "docs/reference/data-policy.md has every line and what it means",
      }),
  );
