import accessors from "@duckdb/node-api/lib/vectors/dataAccessors.js";

/**
 * DuckDB's client, with texts as they are stored: by itself it takes a leading U+FEFF for a mark of encoding and drops it, in rows,
 * in lists and structs, and in arguments of functions in JavaScript alike, all of which it reads by this one decoder.
 */
Object.assign(accessors, { textDecoder: new TextDecoder("utf-8", { ignoreBOM: true }) });

export * from "@duckdb/node-api";
