import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../../errors/user-error.ts";
import { parseType, typeName } from "../../../packages/googlesql/index.ts";
import type { Column } from "../../warehouse.ts";
import type { Target } from "../graph.ts";
import { parseYaml } from "./case-files.ts";

const tables = z.record(z.string(), z.record(z.string(), z.string()));

/** Columns of tables that a project declares, by `schema.name`. */
export type DeclaredColumns = ReadonlyMap<string, readonly Column[]>;

/**
 * What a project says of its declarations' columns, which Dataform has no place for: `tests/models/types.yaml`
 * (`dataset.table: { column: TYPE }`), and `includes/raw_tables.js` where it exports `tables` (of the dataset `raw`).
 */
export async function readDeclaredColumns(projectDir: string): Promise<DeclaredColumns> {
  const found = new Map<string, readonly Column[]>();
  const include = join(projectDir, "includes/raw_tables.js");
  if (existsSync(include)) {
    for (const [name, columns] of Object.entries(await evaluateTables(await readFile(include, "utf8"), include))) {
      found.set(`raw.${name}`, columnsOf(columns, include));
    }
  }
  const file = join(projectDir, "tests/models/types.yaml");
  if (existsSync(file)) {
    for (const [name, columns] of Object.entries(parseYaml(file, await readFile(file, "utf8"), tables))) {
      found.set(name, columnsOf(columns, `${file} ${name}`));
    }
  }
  return found;
}

export const columnsOfTarget = (declared: DeclaredColumns, target: Target): readonly Column[] | undefined =>
  declared.get(`${target.schema}.${target.name}`) ?? declared.get(`${target.database}.${target.schema}.${target.name}`);

/** Runs an include that only states constants, in the sandbox of functions in JavaScript: it gets `module` and nothing of the machine. */
async function evaluateTables(text: string, file: string): Promise<z.infer<typeof tables>> {
  try {
    const { loadQuickJs, quickJs } = await import("../../../packages/googlesql/index.ts");
    await loadQuickJs();
    // For what hangs: constants take milliseconds, and on a busy machine not always.
    const end = Date.now() + 30_000;
    const answer: unknown = quickJs().evalCode(
      `const module = { exports: {} }; (function (module, exports) {${text}\n})(module, module.exports); JSON.stringify(module.exports.tables ?? {})`,
      { shouldInterrupt: () => Date.now() > end, memoryLimitBytes: 32 << 20 },
    );
    return tables.parse(JSON.parse(String(answer)));
  } catch (cause) {
    throw new UserError(`the tables of ${file} cannot be read: ${(cause as Error).message.split("\n")[0]}`, {
      code: "test.types",
      exit: "config",
      where: file,
      cause,
    });
  }
}

function columnsOf(columns: Readonly<Record<string, string>>, where: string): readonly Column[] {
  return Object.entries(columns).map(([name, type]) => {
    try {
      return { name, type: typeName(parseType(type)) };
    } catch {
      throw new UserError(`"${type}" is no GoogleSQL type`, {
        code: "test.types",
        exit: "config",
        where: `${where}.${name}`,
      });
    }
  });
}
