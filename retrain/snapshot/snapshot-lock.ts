import { z } from "zod";

const hash = z.strictObject({ algorithm: z.string().min(1), value: z.string().regex(/^[0-9a-f]{64}$/) });
const column = z.strictObject({ name: z.string().min(1), type: z.string().min(1) });
const instant = z.iso.datetime();

/** A change of how sides are told changes this name. */
export const splitRule = "person-and-time/1";

/** What was asked. */
export const snapshotSpec = z.strictObject({
  table: z.string().min(1),
  /** Only messages whose outcome window had closed by then. */
  as_of: instant.nullable(),
  /** Half-open range of the send time. */
  sent_from: instant.nullable(),
  sent_to: instant.nullable(),
  sample: z
    .strictObject({ method: z.literal("stratified"), rows: z.int().positive(), by: z.array(z.string()) })
    .nullable(),
  /** Who and when is learned from, and who and when judges; locks of schema 1 have none. */
  split: z
    .strictObject({
      rule: z.literal(splitRule),
      /** Share of the people, by a hash of who they are, that nothing is ever learned from. */
      people_share: z.number().gt(0).lt(1),
      /** Where the time is cut: the latest share of the rows, or the latest days. */
      validate: z.union([
        z.strictObject({ share: z.number().gt(0).lt(1) }),
        z.strictObject({ days: z.int().positive() }),
      ]),
      /** Days before the cut that are learned from; null: all there are. */
      learn_days: z.int().positive().nullable(),
    })
    .optional(),
});
export type SnapshotSpec = z.infer<typeof snapshotSpec>;
export type SplitSpec = NonNullable<SnapshotSpec["split"]>;

/**
 * Rows that were taken out because their people were erased, or because they were too old. With the hashes of those rows (over the whole row, its keyed ids included: nobody
 * who does not have the row can make one) the parent's content is computed from the rows that are left, so that nothing else can have changed.
 */
const erasedRows = z.strictObject({
  erasure_id: z.string().min(1),
  parent: z.strictObject({ id: z.string(), content: hash, rows: z.int().positive() }),
  rows: z.int().positive(),
  row_hashes: z.array(z.string().regex(/^[0-9a-f]{64}$/)).min(1),
});
export type ErasedRows = z.infer<typeof erasedRows>;

/** Rows by side, and where the time was cut. `null`: all were sent within one hour, and only people are told apart. */
const splitLock = z.strictObject({
  cut: instant.nullable(),
  learn_from: instant.nullable(),
  learn: z.int().nonnegative(),
  validate: z.int().nonnegative(),
  /** Of those that validate; absent where the table cannot tell. */
  post_ai: z.int().nonnegative().optional(),
  /** On neither side, and not in the files: earlier sends to people who validate, later ones to people who are learned from. */
  left_out: z.int().nonnegative(),
});
export type SplitLock = z.infer<typeof splitLock>;

/** What the rows were worked out by: digests of the compiled project as it was at hand, of the consent rules in it, and of the label model as it was fitted. */
const provenance = z.strictObject({
  graph: hash.optional(),
  vars: z.record(z.string(), z.string()).optional(),
  consent_rules: hash.optional(),
  label_model: hash.optional(),
});
export type Provenance = z.infer<typeof provenance>;

/** What was found: everything here is a function of the spec and of the data. */
export const snapshotLock = z.strictObject({
  /** Version of this file's shape. */
  schema: z.enum(["1", "2"]),
  spec: snapshotSpec,
  lock: z.strictObject({
    rows: z.int().positive(),
    columns: z.array(column).min(1),
    query: hash,
    content: hash,
    parents: z.array(z.strictObject({ table: z.string(), rows: z.int().nonnegative(), content: hash })),
    /** How its features were worked out, as features.feature_registry said: all together, and each. */
    features: z
      .strictObject({
        version: z.string().min(1),
        list: z.array(z.strictObject({ name: z.string().min(1), version: z.string().min(1) })),
      })
      .optional(),
    /** Locks of schema 1 have neither. */
    split: splitLock.optional(),
    provenance: provenance.optional(),
  }),
  /** What was taken out since it was made, the first first; each names the snapshot that it was before. */
  erased: z.array(erasedRows).min(1).optional(),
  /** The copy on disk. Other engines write other bytes for the same content. */
  files: z.array(z.strictObject({ name: z.string(), bytes: z.int().nonnegative(), sha256: z.string() })).min(1),
  /** Circumstances; in no hash. */
  made: z.strictObject({
    at: instant,
    by: z.string(),
    engine: z.string(),
    name: z.string().nullable(),
    /** Features that tell an outcome implausibly well, by name, and why they were taken all the same. */
    waived: z.record(z.string(), z.string()).optional(),
    /** The commit of the project's repository; `dirty` where files differed from it. */
    git: z.strictObject({ commit: z.string().regex(/^[0-9a-f]{7,64}$/), dirty: z.boolean() }).optional(),
  }),
});
export type FeatureVersions = NonNullable<z.infer<typeof snapshotLock>["lock"]["features"]>;
export type SnapshotLock = z.infer<typeof snapshotLock>;

/** Snapshots are named by the first 16 hex digits of their content. */
export const snapshotId = (content: string): string => content.slice(0, 16);

/** The column that says who somebody is, by whatever id; where a table does not know it, the id. */
export const personColumn = ({ lock }: SnapshotLock): string =>
  lock.columns.some(({ name }) => name === "person_id") ? "person_id" : "user_id_hash";
