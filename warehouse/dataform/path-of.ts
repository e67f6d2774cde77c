/** A name as it is written: parts between dots, and within quotes dots again. */
export interface WrittenName {
  readonly parts: readonly { readonly name: string; readonly quoted: boolean }[];
}

/** The parts of a table's name: `` `p.d`.t `` has three. */
export const pathOf = (name: WrittenName): readonly string[] =>
  name.parts.flatMap((part) => (part.quoted ? part.name.split(".") : [part.name]));
