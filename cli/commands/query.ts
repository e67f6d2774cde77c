import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Option } from "commander";
import { UserError } from "../../errors/user-error.ts";
import type { QueryResult } from "../../warehouse/warehouse.ts";
import type { RegisterCommand } from "../command.ts";
import type { Environment } from "../environment.ts";
import { type RowFormat, renderRows, rowFormats } from "./query/render-rows.ts";

interface QueryCommandOptions {
  readonly file?: string;
  readonly limit: string;
  readonly format?: RowFormat | "parquet";
  readonly out?: string;
  readonly role?: string;
  readonly audience?: string;
}

export const register: RegisterCommand = (program, environment) => {
  program
    .command("query [sql]")
    .description("Run one GoogleSQL query on the warehouse and print its rows")
    .option("--file <path>", "read the statement from a file; - is standard input")
    .option("--limit <rows>", "print at most this many rows for people; csv, ndjson and --json print all", "1000")
    .addOption(
      new Option(
        "--format <format>",
        "how rows are printed (default: a table, or where that is wider than the terminal, a line for each value)",
      ).choices([...rowFormats, "parquet"]),
    )
    .option(
      "--out <file>",
      "with --format parquet: where the rows of the query are written, however many; gs://... on BigQuery",
    )
    .option(
      "--role <role>",
      "show what this role of the data policy may see, and mask the rest (default: INBOXLOOP_ROLE, else the target's)",
    )
    .option("--audience <name>", "answer for people outside, out of their privacy budget")
    .addHelpText(
      "after",
      '\nFor an audience of governance/privacy-budget.yaml only SELECT WITH DIFFERENTIAL_PRIVACY over one of its tables is answered, while it has budget left\n(docs/reference/differential-privacy.md).\nIn a role (docs/reference/roles.md) a column is shown by what it is made of, whatever it is called: ids as short tokens that stay the same, amounts\nrounded, the rest as NULL. Exit code 4 where the role may not even choose rows by a column.\n\nExamples:\n  inboxloop query "select event_type, count(*) as n from raw.events group by 1 order by n desc"\n  inboxloop query --format csv --file weekly.sql > weekly.csv\n  inboxloop query --role analyst "select user_id_hash as who, event_type from raw.events limit 5"\n  inboxloop query --format parquet --out clicks.parquet "select * from events.events where event_type = \'click\'"\n  inboxloop query --audience partners --file governance/figures/rates_by_isp.sql\n',
    )
    .action(async (sql: string | undefined, options: QueryCommandOptions) => {
      const world = environment();
      const rendered = (result: QueryResult) =>
        renderRows(result, {
          limit,
          format: options.format === "parquet" ? undefined : options.format,
          // of a terminal; a pipe has none
          width: process.stdout.columns,
        });
      const statement = await statementOf(sql, options);
      const limit = Number(options.limit);
      if (!Number.isInteger(limit) || limit < 0) {
        throw new UserError(`--limit takes a number of rows, not "${options.limit}"`, {
          code: "cli.limit",
          exit: "usage",
        });
      }
      if (options.format === "parquet" || options.out !== undefined) {
        await writeParquet(world, statement, options);
        return;
      }
      if (options.audience !== undefined) {
        if (options.role !== undefined) {
          throw new UserError("an audience is outside and has no role", {
            code: "query.audience-and-role",
            exit: "usage",
            next: "leave out --role or --audience",
          });
        }
        const { runForAudience } = await import("./query/for-audience.ts");
        const answer = await runForAudience(world, statement, options.audience);
        const { columns, rows, budget } = answer;
        world.console.note(
          `${budget.audience}, ${budget.period}: epsilon ${budget.left.epsilon} of ${budget.allowance.epsilon} and delta ${budget.left.delta} of ${budget.allowance.delta} left, all of it again on ${budget.renewed_on}`,
        );
        if (rows.length === 0)
          world.console.note(
            "no group has people enough to be shown at this epsilon and delta: ask for fewer aggregates or larger groups",
          );
        world.console.result({ columns, rows, budget }, () => rendered(answer));
        return;
      }
      const { roleOf } = await import("../role.ts");
      const role = await roleOf(world, options.role);
      const warehouse = await world.target.openWarehouse();
      try {
        if (role) {
          const { runMasked } = await import("./query/masked.ts");
          const masked = await runMasked(world, warehouse, statement, role);
          const { columns, rows, masks } = masked;
          const hidden = masks.map(({ column, mask, class: of }) => `${column}: ${mask} (${of})`).join(", ");
          if (hidden !== "") world.console.note(`masked for the role ${role.name}: ${hidden}`);
          world.console.result({ columns, rows, role: role.name, masks }, () => rendered(masked));
          return;
        }
        const result = await warehouse.query(statement, { signal: world.signal, file: options.file });
        world.console.result({ columns: result.columns, rows: result.rows }, () => rendered(result));
      } catch (error) {
        const { whatToAsk } = await import("./query/what-to-ask.ts");
        throw await whatToAsk(error, warehouse);
      } finally {
        await warehouse.close();
      }
    });
};

/** The rows of one query as a Parquet file, without passing through this process. */
async function writeParquet(world: Environment, statement: string, options: QueryCommandOptions): Promise<void> {
  const { format, out, role, audience } = options;
  const asked = (message: string, next: string): UserError =>
    new UserError(message, { code: "query.parquet", exit: "usage", next });
  if (format !== "parquet" || out === undefined)
    throw asked(
      format === "parquet" ? "--format parquet wants a file to write to" : "--out writes Parquet alone",
      "inboxloop query --format parquet --out rows.parquet ...",
    );
  const { roleOf } = await import("../role.ts");
  if (audience !== undefined || (await roleOf(world, role)) !== undefined)
    throw asked(
      "what a role or an audience may see is not written as Parquet",
      "leave out --format parquet: csv and ndjson have every row",
    );
  const { refuseClearFile } = await import("../../platform/home-seal.ts");
  const file = out.startsWith("gs://") ? out : resolve(world.cwd, out);
  refuseClearFile(file, "the rows", "inboxloop query --format parquet --out <a file outside of the home>");
  const warehouse = await world.target.openWarehouse({ writesTo: dirname(file) });
  try {
    const { rows } = await warehouse.exportParquet(statement, file, { signal: world.signal, file: options.file });
    world.console.result(
      { file, rows },
      () => `wrote ${rows.toLocaleString("en-US")} ${rows === 1 ? "row" : "rows"} to ${file}`,
    );
  } catch (error) {
    const { whatToAsk } = await import("./query/what-to-ask.ts");
    throw await whatToAsk(error, warehouse);
  } finally {
    await warehouse.close();
  }
}

async function statementOf(sql: string | undefined, options: QueryCommandOptions): Promise<string> {
  const { file } = options;
  if ((sql === undefined) === (file === undefined)) {
    throw new UserError(sql === undefined ? "there is no statement to run" : "give the statement or --file, not both", {
      code: "query.statement",
      exit: "usage",
      next: 'inboxloop query "select count(*) from raw.events"',
    });
  }
  if (sql !== undefined) return sql;
  try {
    return await readFile(file === "-" ? "/dev/stdin" : file!, "utf8");
  } catch (cause) {
    throw new UserError(`the statement cannot be read: ${(cause as Error).message}`, {
      code: "query.file",
      exit: "usage",
      where: file,
      cause,
    });
  }
}
