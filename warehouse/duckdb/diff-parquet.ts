import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { parquetFiles } from "./sealed-engine.ts";
import { identifier, literal } from "./sql-text.ts";

/** Two sets of rows by their key, each row in one set, the other or both. */
export interface RowDiff {
  readonly gone: number;
  readonly come: number;
  readonly changed: number;
  readonly same: number;
  /** Rows in both of which the column differs, by column; those that differ in none are left out. */
  readonly changedBy: Readonly<Record<string, number>>;
  /** A few keys of each kind, the first in order. */
  readonly examples: Readonly<Record<"gone" | "come" | "changed", readonly string[]>>;
  /** Keys that stand more than once, in either set; then nothing else is told. */
  readonly repeated: readonly [number, number];
}

/** Rows by a column's value. A column that is not there has no counts. */
export type Counts = Readonly<Record<string, number>>;

const shown = 5;

/** Compares Parquet files by DuckDB, which holds at most 600 MB and puts the rest into a folder of its own until it is done. */
export class ParquetDiff {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #spill: string;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, spill: string) {
    this.#instance = instance;
    this.#connection = connection;
    this.#spill = spill;
  }

  static async open(): Promise<ParquetDiff> {
    const spill = await mkdtemp(join(tmpdir(), "inboxloop-diff-"));
    const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "600MB" });
    const connection = await instance.connect();
    await connection.run(`set temp_directory = ${literal(spill)}; set temp_file_encryption = true`);
    return new ParquetDiff(instance, connection, spill);
  }

  async close(): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    await rm(this.#spill, { recursive: true, force: true });
  }

  /** Rows of the first set beside those of the second; `columns` are those that both have in the same type. */
  async rows(a: readonly string[], b: readonly string[], key: string, columns: readonly string[]): Promise<RowDiff> {
    const id = identifier(key);
    const none = {
      gone: 0,
      come: 0,
      changed: 0,
      same: 0,
      changedBy: {},
      examples: { gone: [], come: [], changed: [] },
    };
    const repeated = [await this.#repeated(a, id), await this.#repeated(b, id)] as const;
    if (repeated[0] > 0 || repeated[1] > 0) return { ...none, repeated };
    const others = columns.filter((name) => name !== key).map(identifier);
    const differ = others.map((name) => `a.${name} is distinct from b.${name}`);
    const joined = `from ${await this.#sourceOf(a)} a full outer join ${await this.#sourceOf(b)} b on a.${id} = b.${id}`;
    const both = `a.${id} is not null and b.${id} is not null`;
    const isChanged = `${both} and (${differ.join(" or ") || "false"})`;
    const [counts] = await this.#all(
      `select count(*) filter (b.${id} is null), count(*) filter (a.${id} is null), count(*) filter (${isChanged}), count(*) filter (${both})
        ${differ.map((one) => `, count(*) filter (${both} and ${one})`).join("")} ${joined}`,
    );
    const [gone, come, changed, all, ...byColumn] = counts!.map(Number) as [
      number,
      number,
      number,
      number,
      ...number[],
    ];
    const names = columns.filter((name) => name !== key);
    const some = async (where: string, count: number): Promise<readonly string[]> => {
      if (count === 0) return [];
      const rows = await this.#all(
        `select cast(coalesce(a.${id}, b.${id}) as varchar) as k ${joined} where ${where} order by k limit ${shown}`,
      );
      return rows.map(([one]) => String(one));
    };
    return {
      gone,
      come,
      changed,
      same: all - changed,
      changedBy: Object.fromEntries(names.map((name, i) => [name, byColumn[i]!] as const).filter(([, n]) => n > 0)),
      examples: {
        gone: await some(`b.${id} is null`, gone),
        come: await some(`a.${id} is null`, come),
        changed: await some(isChanged, changed),
      },
      repeated,
    };
  }

  /** Rows by the text of a column; NULL is "unknown". */
  async counts(files: readonly string[], column: string): Promise<Counts> {
    const rows = await this.#all(
      `select coalesce(cast(${identifier(column)} as varchar), 'unknown') as v, count(*) from ${await this.#sourceOf(files)} group by v order by v`,
    );
    return Object.fromEntries(rows.map(([value, count]) => [String(value), Number(count)]));
  }

  #sourceOf(files: readonly string[]): Promise<string> {
    return parquetFiles(this.#connection, files);
  }

  async #repeated(files: readonly string[], id: string): Promise<number> {
    const [row] = await this.#all(`select count(*) - count(distinct ${id}) from ${await this.#sourceOf(files)}`);
    return Number(row![0]);
  }

  async #all(sql: string): Promise<readonly (readonly unknown[])[]> {
    return (await this.#connection.runAndReadAll(sql)).getRows();
  }
}
