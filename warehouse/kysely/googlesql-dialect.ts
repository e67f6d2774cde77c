import {
  type CompiledQuery,
  type DatabaseConnection,
  DefaultQueryCompiler,
  type Dialect,
  DialectAdapterBase,
  type Driver,
  Kysely,
  type QueryResult,
} from "kysely";
import type { Warehouse } from "../warehouse.ts";

/** Prints Kysely's query trees as GoogleSQL: backquoted names, named parameters `@p1, @p2 ...`, backslash escapes. */
export class GoogleSqlQueryCompiler extends DefaultQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return `@p${this.numParameters}`;
  }

  protected override getLeftIdentifierWrapper(): string {
    return "`";
  }

  protected override getRightIdentifierWrapper(): string {
    return "`";
  }

  protected override sanitizeIdentifier(identifier: string): string {
    return identifier.replace(/[\\`]/g, (character) => `\\${character}`);
  }

  protected override sanitizeStringLiteral(value: string): string {
    return value.replace(/[\\'\n\r]/g, (character) =>
      character === "\n" ? "\\n" : character === "\r" ? "\\r" : `\\${character}`,
    );
  }
}

/** What the dialect needs of a warehouse. */
export type QueryableWarehouse = Pick<Warehouse, "query">;

class WarehouseConnection implements DatabaseConnection {
  readonly #warehouse: QueryableWarehouse;

  constructor(warehouse: QueryableWarehouse) {
    this.#warehouse = warehouse;
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const params = Object.fromEntries(compiled.parameters.map((value, index) => [`p${index + 1}`, value]));
    const { rows } = await this.#warehouse.query(compiled.sql, compiled.parameters.length > 0 ? { params } : {});
    return { rows: rows as R[] };
  }

  // The port reads a result whole; a stream of one chunk keeps Kysely's promise for callers that ask for one.
  async *streamQuery<R>(compiled: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(compiled);
  }
}

const noTransactions = async (): Promise<never> => {
  throw new Error("a warehouse has no interactive transactions; write one GoogleSQL script instead");
};

class GoogleSqlAdapter extends DialectAdapterBase {
  override get supportsReturning(): boolean {
    return false;
  }
  override get supportsTransactionalDdl(): boolean {
    return false;
  }
  override acquireMigrationLock = noTransactions;
  override releaseMigrationLock = noTransactions;
}

/** Kysely's dialect over the Warehouse port. The warehouse belongs to the caller: destroying the Kysely leaves it open. */
export function googleSqlDialect(warehouse: QueryableWarehouse): Dialect {
  const connection = new WarehouseConnection(warehouse);
  const driver: Driver = {
    init: async () => undefined,
    acquireConnection: async () => connection,
    beginTransaction: noTransactions,
    commitTransaction: noTransactions,
    rollbackTransaction: noTransactions,
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  };
  return {
    createDriver: () => driver,
    createQueryCompiler: () => new GoogleSqlQueryCompiler(),
    createAdapter: () => new GoogleSqlAdapter(),
    createIntrospector: () => {
      throw new Error("table types come from the compiled graph: npm run codegen");
    },
  };
}

/** A typed query builder over a warehouse: `tables(warehouse).selectFrom("monitoring.kpis_daily")...`. */
export const queryBuilder = <Tables>(warehouse: QueryableWarehouse): Kysely<Tables> =>
  new Kysely<Tables>({ dialect: googleSqlDialect(warehouse) });
