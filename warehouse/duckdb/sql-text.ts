/** A text as DuckDB writes it in a statement. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** A name as DuckDB writes it in a statement. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
