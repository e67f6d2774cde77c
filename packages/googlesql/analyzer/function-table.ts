import { catalogue } from "../functions/catalogue.ts";
import type { FunctionEntry } from "../functions/contract.ts";

const entries = new Map<string, FunctionEntry>();
for (const library of catalogue) {
  for (const entry of library.functions) {
    for (const name of entry.names) {
      if (entries.has(name.toUpperCase())) throw new Error(`function listed twice: ${name}`);
      entries.set(name.toUpperCase(), entry);
    }
  }
}

/** The entry of the verified list under that name (any case, dotted where it is). */
export const functionNamed = (name: string): FunctionEntry | undefined => entries.get(name.toUpperCase());

export const allFunctionNames = (): Iterable<string> => entries.keys();
