/** A name as it is written: parts between dots, and within quotes dots again. */
export interface WrittenName {
  readonly parts: readonly { readonly name: string; readonly quoted: boolean }[];
}

/** The dotted path of a table or another object: `` `p.d`.t `` has three parts. */
export const pathOf = (name: WrittenName): readonly string[] =>
  name.parts.flatMap((part) => (part.quoted ? part.name.split(".") : [part.name]));

/** Whether a path leads into BigQuery's own records of datasets, tables and jobs. */
export const isInformationSchema = (path: readonly string[]): boolean => path.some(isRecords);

/** The part of such a path that says so. */
export const isRecords = (part: string): boolean => /^information_schema$/i.test(part);
