import type { DuckDBConnection } from "./client.ts";

export interface WallOptions {
  /** Folders whose files can still be read and written, besides the database's own file and its spill folder. */
  readonly directories?: readonly string[] | undefined;
  /** Settings that can still be changed, besides those that a session sets for itself. */
  readonly settings?: readonly string[] | undefined;
}

/** What each session sets for itself; none of it reaches a file. */
const sessionSettings = ["TimeZone", "scalar_subquery_error_on_multiple_rows", "order_by_non_integer_literal"];

const list = (texts: readonly string[]): string =>
  `[${texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(", ")}]`;

/**
 * Shuts a database off from the machine for as long as it is open: no file outside `directories`, no network, no extension, no other
 * database, and no setting that would undo this. A text that gets past the translation then finds nothing. See DuckDB's "Securing DuckDB".
 */
export async function raiseWall(connection: DuckDBConnection, options: WallOptions = {}): Promise<void> {
  for (const sql of [
    "SET allow_community_extensions = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_persistent_secrets = false",
    `SET allowed_directories = ${list(options.directories ?? [])}`,
    `SET allowed_configs = ${list([...sessionSettings, ...(options.settings ?? [])])}`,
    "SET enable_external_access = false",
    "SET lock_configuration = true",
  ])
    await connection.run(sql);
}

/** The folders that are open in a database with the wall up; undefined where it is not up. */
export async function openFolders(connection: DuckDBConnection): Promise<readonly string[] | undefined> {
  const reader = await connection.runAndReadAll(
    "SELECT current_setting('lock_configuration'), unnest(current_setting('allowed_directories') || [NULL])",
  );
  const rows = reader.getRows();
  if (rows[0]?.[0] !== true) return undefined;
  return rows.flatMap(([, folder]) => (folder === null ? [] : [String(folder)]));
}
