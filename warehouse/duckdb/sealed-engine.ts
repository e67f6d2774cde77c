import { stat } from "node:fs/promises";
import { UserError } from "../../errors/user-error.ts";
import { type DuckDBConnection, DuckDBInstance, version } from "../../packages/googlesql/duckdb/client.ts";
import { cryptoExtension, type HomeSeal, sealOf } from "../../platform/home-seal.ts";
import { identifier, literal } from "./sql-text.ts";

/** What each connection's engine has been told: `crypto` once the extension is in it, and the names of the homes whose files it can read. */
const told = new WeakMap<DuckDBConnection, Set<string>>();

/**
 * Makes an engine able to write and read the Parquet files of an encrypted home. DuckDB writes what is encrypted only with OpenSSL, which comes with its
 * `httpfs` extension; the random numbers of what it has built in are not good enough, and it says so.
 */
async function tell(connection: DuckDBConnection, seal: HomeSeal): Promise<void> {
  const known = told.get(connection) ?? new Set<string>();
  told.set(connection, known);
  if (!known.has("crypto")) {
    await loadCrypto(connection);
    await connection.run("set temp_file_encryption = true");
  }
  known.add("crypto");
  if (known.has(seal.name)) return;
  await connection.run(
    `pragma add_parquet_key(${literal(seal.name)}, ${literal(seal.key("parquet").toString("base64"))})`,
  );
  known.add(seal.name);
}

async function loadCrypto(connection: DuckDBConnection): Promise<void> {
  const path = cryptoExtension();
  try {
    // By its path, or from where DuckDB keeps what was installed. It is signed, and DuckDB loads nothing else.
    await connection.run(path === undefined ? "load httpfs" : `load ${literal(path)}`);
  } catch (cause) {
    throw new UserError("DuckDB's httpfs extension cannot be loaded, without which it writes nothing encrypted", {
      code: "home.no-crypto",
      exit: "config",
      where: path ?? "INBOXLOOP_DUCKDB_CRYPTO is not set, and no installed one was found",
      next: `pip download --no-deps duckdb-extension-httpfs==${version().replace(/^v/, "")}, unzip it, and set INBOXLOOP_DUCKDB_CRYPTO to its httpfs.duckdb_extension`,
      cause,
    });
  }
}

/** Throws where this machine's DuckDB cannot write what is encrypted. */
export async function refuseMissingCrypto(): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await instance.connect();
    await loadCrypto(connection).finally(() => connection.closeSync());
  } finally {
    instance.closeSync();
  }
}

const config = (seal: HomeSeal): string => `encryption_config = {footer_key: ${literal(seal.name)}}`;

/** One Parquet file as a table; `numbered` with `file_row_number`. */
export async function parquetFile(connection: DuckDBConnection, path: string, numbered = false): Promise<string> {
  const seal = sealOf(path);
  if (seal) await tell(connection, seal);
  return oneScan([path], seal, `${numbered ? ", file_row_number = true" : ""}`);
}

const oneScan = (paths: readonly string[], seal: HomeSeal | undefined, more = ""): string =>
  `read_parquet([${paths.map(literal).join(", ")}], hive_partitioning = false${more}${seal ? `, ${config(seal)}` : ""})`;

/**
 * Parquet files of one table, read by the names of their columns: what a file does not have is NULL. In the order given. DuckDB 1.5's `union_by_name` breaks on
 * encrypted files, so of these each run of files with the same columns is read together.
 */
export async function parquetFiles(connection: DuckDBConnection, paths: readonly string[]): Promise<string> {
  const seal = paths[0] === undefined ? undefined : sealOf(paths[0]);
  if (seal === undefined) return oneScan(paths, undefined, ", union_by_name = true");
  await tell(connection, seal);
  const runs: { readonly shape: string; readonly paths: string[] }[] = [];
  for (const path of paths) {
    const shape = await shapeOf(connection, path, seal);
    const last = runs.at(-1);
    if (last?.shape === shape) last.paths.push(path);
    else runs.push({ shape, paths: [path] });
  }
  return `(${runs.map((run) => `select * from ${oneScan(run.paths, seal)}`).join(" union all by name ")})`;
}

/** Columns of files that were looked at, by path and what changes when a file does. */
const shapes = new Map<string, string>();

async function shapeOf(connection: DuckDBConnection, path: string, seal: HomeSeal): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const key = `${path}\n${size} ${mtimeMs}`;
  const known = shapes.get(key);
  if (known !== undefined) return known;
  const reader = await connection.runAndReadAll(`describe select * from ${oneScan([path], seal)}`);
  const shape = JSON.stringify(reader.getRows().map(([name, type]) => [name, type]));
  shapes.set(key, shape);
  return shape;
}

/** The options of a COPY to that path. */
export async function parquetOptions(
  connection: DuckDBConnection,
  target: string,
  compression?: "zstd",
): Promise<string> {
  const seal = sealOf(target);
  if (seal) await tell(connection, seal);
  const more = `${compression ? `, compression ${compression}` : ""}${seal ? `, encryption_config {footer_key: ${literal(seal.name)}}` : ""}`;
  return `(format parquet${more})`;
}

/** How an encrypted database file is attached: `attach <path> as <name> <this>`. */
export async function attachOptions(connection: DuckDBConnection, path: string, isReadOnly = false): Promise<string> {
  const seal = sealOf(path);
  if (seal) await tell(connection, seal);
  const options = [
    ...(isReadOnly ? ["read_only"] : []),
    ...(seal ? [`encryption_key ${literal(seal.key("database").toString("base64"))}`, "encryption_cipher 'GCM'"] : []),
  ];
  return options.length > 0 ? `(${options.join(", ")})` : "";
}

interface Shared {
  readonly instance: DuckDBInstance;
  users: number;
}

/** Encrypted files that this process has open: DuckDB's own cache of instances knows those only that it opens by their path. */
const shared = new Map<string, Promise<Shared>>();

/** The catalogue under which an encrypted file is attached. A file that is opened by its path has its own name there. */
const catalog = "warehouse";

/**
 * Opens an encrypted DuckDB file: an engine in memory with the file attached, whose connections stand in it. Its log and what spills are encrypted too. The
 * same file is opened once in a process and shared, as one in clear is; it is closed when all have closed it.
 */
export async function openSealedDatabase(
  path: string,
  settings: Readonly<Record<string, string>>,
): Promise<DuckDBInstance> {
  for (;;) {
    const there = shared.get(path);
    if (there === undefined) break;
    const found = await there.catch(() => undefined);
    if (found === undefined || found.users === 0) continue;
    found.users += 1;
    return userOf(path, found);
  }
  const opening = attach(path, settings);
  shared.set(path, opening);
  try {
    return userOf(path, await opening);
  } catch (error) {
    shared.delete(path);
    throw error;
  }
}

async function attach(path: string, settings: Readonly<Record<string, string>>): Promise<Shared> {
  const instance = await DuckDBInstance.create(":memory:", { ...settings, temp_file_encryption: "true" });
  try {
    const connection = await instance.connect();
    try {
      await connection.run(
        `attach ${literal(path)} as ${identifier(catalog)} ${await attachOptions(connection, path)}`,
      );
    } finally {
      connection.closeSync();
    }
    return { instance, users: 1 };
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

/** The instance as one of its users has it. */
function userOf(path: string, found: Shared): DuckDBInstance {
  let isOpen = true;
  const user = Object.create(found.instance) as DuckDBInstance;
  user.connect = async () => {
    const connection = await found.instance.connect();
    await connection.run(`use ${identifier(catalog)}`);
    told.set(connection, new Set(["crypto", sealOf(path)!.name]));
    return connection;
  };
  user.closeSync = () => {
    if (!isOpen) return;
    isOpen = false;
    found.users -= 1;
    if (found.users > 0) return;
    shared.delete(path);
    found.instance.closeSync();
  };
  return user;
}
