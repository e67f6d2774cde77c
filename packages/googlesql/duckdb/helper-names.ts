import { coreLibrary } from "../emit/core.ts";
import { catalogue } from "../functions/catalogue.ts";

const libraries = [coreLibrary, ...catalogue];

/**
 * Every helper that a translated text may name. A stored view names them too, where nobody sees its text before it runs, so a
 * connection that is to read views needs them all. JS functions come first: they live in the database rather than the connection.
 */
export const helperNames: readonly string[] = [
  ...libraries.flatMap((library) => library.js ?? []),
  ...libraries.flatMap((library) => library.macros ?? []),
].map((helper) => helper.name);
