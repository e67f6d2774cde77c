/**
 * `[value]`, or NULL where computing it fails. DuckDB takes what two expressions have in common out of TRY, and then fails after
 * all; it does not look into a lambda.
 */
export function tried(sql: string, fresh: (prefix: string) => string): string {
  return `list_transform([0], lambda ${fresh("y")}: TRY([${sql}]))[1]`;
}
