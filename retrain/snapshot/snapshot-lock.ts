import { z } from "zod";

const hash = z.strictObject({ algorithm: z.string().min(1), value: z.string().regex(/^[0-9a-f]{64}$/) });
const column = z.strictObject({ name: z.string().min(1), type: z.string().min(1) });
const instant = z.iso.datetime();

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
});
export type SnapshotSpec = z.infer<typeof snapshotSpec>;

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

/** What was found: everything here is a function of the spec and of the data. */
export const snapshotLock = z.strictObject({
  /** Version of this file's shape. */
  schema: z.literal("1"),
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
  }),
});
export type FeatureVersions = NonNullable<z.infer<typeof snapshotLock>["lock"]["features"]>;
export type SnapshotLock = z.infer<typeof snapshotLock>;

/** Snapshots are named by the first 16 hex digits of their content. */
export const snapshotId = (content: string): string => content.slice(0, 16);
