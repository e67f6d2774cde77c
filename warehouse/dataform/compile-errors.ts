import { UserError } from "../../errors/user-error.ts";
import type { CompilationError, Graph } from "./graph.ts";
import type { ProjectSources } from "./project-sources.ts";

/** How many errors of a project are told in full. */
const told = 4;

/** Throws a UserError for a graph that the compiler found errors in: the first with its place, then a few more. */
export function refuseCompilationErrors(graph: Graph, sources: ProjectSources, coreVersion: string): void {
  const [first, ...others] = graph.errors;
  if (first === undefined) return;
  const at = (error: CompilationError) => locate(error.file, error.message, error.stack, sources.files);
  const missing = missingPackage(first, sources, at(first));
  if (missing !== undefined) throw missing;
  const bygone = bygoneCall(first, sources);
  if (bygone !== undefined) throw new UserError(`${bygone.message}${otherCore(sources, coreVersion)}`, bygone.options);
  const more = others
    .slice(0, told - 1)
    .map((error) => `\n  also in ${at(error) ?? "the project"}: ${headOf(error).split("\n")[0]}`);
  const left = others.length - more.length;
  throw new UserError(
    `${headOf(first)}${more.join("")}${left > 0 ? `\n  and ${left} more` : ""}${otherCore(sources, coreVersion)}`,
    { code: "dataform.compile", exit: "config", where: at(first) },
  );
}

const headOf = (error: CompilationError): string => error.message.split("\n    at ")[0]!.trim();

/** For what the compiler wrote where a graph should have been. */
export function compilerTrouble(text: string, sources: ProjectSources, coreVersion: string): UserError {
  const message = text.split("\n").find((line) => line.trim() !== "") ?? "the Dataform compiler said nothing";
  const file = [...sources.files.keys()].find((path) => text.includes(path));
  const where = locate(file, text, undefined, sources.files) ?? sources.settings.file;
  const wrong = /argument must be of type string|ERR_INVALID_ARG_TYPE|: string expected/.test(text)
    ? objectForText(sources)
    : undefined;
  if (wrong !== undefined) {
    return new UserError(`${wrong.message}${otherCore(sources, coreVersion)}`, {
      code: "dataform.config",
      exit: "config",
      where: wrong.where,
    });
  }
  return (
    missingPackage({ message: text }, sources, where) ??
    new UserError(`${message.trim()}${otherCore(sources, coreVersion)}`, {
      code: "dataform.compile",
      exit: "config",
      where,
    })
  );
}

/** A package that the project's JavaScript asks for, and nobody has installed. */
function missingPackage(
  error: Pick<CompilationError, "message">,
  sources: ProjectSources,
  where: string | undefined,
): UserError | undefined {
  const name = /Cannot find module '((?:@[\w.-]+\/)?[\w.-]+)[^']*'/.exec(error.message)?.[1];
  if (name === undefined || name.startsWith(".")) return undefined;
  const asked = sources.dependencies[name];
  const what = asked === undefined ? `"${name}", which its package.json does not list` : `"${name}" ${asked}`;
  return new UserError(`the project needs the npm package ${what}; it is not in its node_modules`, {
    code: "dataform.package",
    exit: "config",
    where,
    next: `npm install --ignore-scripts --prefix ${sources.dir}${asked === undefined ? ` ${name}` : ""}`,
  });
}

/** Settings of an action that are text, as they are written, and what the text is. */
const textSettings: Readonly<Record<string, string>> = {
  partitionBy: "text (an SQL expression, as `date(seen_at)`)",
  updatePartitionFilter: "text (an SQL condition)",
  onSchemaChange: "text",
  description: "text",
  displayName: "text",
};

const kinds: Readonly<Record<string, string>> = { "{": "an object", "[": "a list" };

/**
 * A setting that wants text and got something else: the compiler only finds it as it packs its answer, when it knows neither file nor
 * property any more.
 */
function objectForText(sources: ProjectSources): { readonly message: string; readonly where: string } | undefined {
  const names = Object.keys(textSettings).join("|");
  const setting = new RegExp(`(?<![\\w$.])["']?(${names})["']?\\s*:\\s*([\\[{]|-?\\d|true\\b|false\\b)`, "g");
  for (const [path, content] of sources.files) {
    if (typeof content !== "string" || !/^definitions\/.*\.(sqlx|js)$/.test(path)) continue;
    for (const found of content.matchAll(setting)) {
      const [, name = "", value = ""] = found;
      // A column of that name has a description of its own: { name: { description: ... } }.
      if (
        value === "{" &&
        /^\s*(description|displayName|tags|columns|bigqueryPolicyTags)\s*:/.test(
          content.slice(found.index + found[0].length),
        )
      )
        continue;
      const line = content.slice(0, found.index).split("\n").length;
      const shown = /By$|Filter$/.test(name) ? `bigquery.${name}` : name;
      return {
        message: `${shown} must be ${textSettings[name]}, not ${kinds[value] ?? (/\d/.test(value) ? "a number" : "true or false")}`,
        where: `${path}:${line}`,
      };
    }
  }
  return undefined;
}

/** Calls on an action that Dataform core 2 had and core 3 has not: what they set goes into the call that makes the action. */
function bygoneCall(error: CompilationError, sources: ProjectSources) {
  const lost = /reading '(\w+)'|\.?(\w+) is not a function/.exec(error.message);
  const text = error.file === undefined ? undefined : sources.files.get(error.file);
  if (lost === null || error.file === undefined || typeof text !== "string") return undefined;
  if (!/\b(publish|operate|assert|declare|test)\s*\(/.test(text)) return undefined;
  const name = lost[1] ?? lost[2]!;
  const lines = text.split("\n");
  // The chain breaks behind the call that is gone: it is the first of its line.
  const at = lines.findIndex((line) => new RegExp(`\\.\\s*${name}\\s*\\(`).test(line));
  const call =
    /\.\s*(type|config|where|protected|materialized|disabled|redshift|snowflake|sqldatawarehouse|presto)\s*\(/.exec(
      lines[at] ?? "",
    )?.[1];
  if (call === undefined) return undefined;
  return {
    message: `core 3 of Dataform has no .${call}() on an action that is made already: what it sets goes into the call that makes it, as publish("name", { type: "table", description: "..." })`,
    options: { code: "dataform.core", exit: "config", where: `${error.file}:${at + 1}` } as const,
  };
}

/** Said of a project that was written for another version of the compiler: what fails may work there. */
function otherCore(sources: ProjectSources, coreVersion: string): string {
  const asked = /\d+\.\d+(\.\d+)?/.exec(sources.coreVersion ?? "")?.[0];
  if (asked === undefined) return "";
  if (asked === coreVersion) return "";
  return `\n  (the project asks for @dataform/core ${asked}; it is compiled with ${coreVersion})`;
}

/** file:line of a compile error: from the stack where the compiler left it there, else by looking for the name that it misses. */
function locate(
  file: string | undefined,
  message: string,
  stack: string | undefined,
  files: ReadonlyMap<string, string | Uint8Array>,
): string | undefined {
  if (file === undefined || file === "") return undefined;
  const text = files.get(file);
  if (typeof text !== "string") return locateReference(message, files) ?? (files.has(file) ? file : undefined);
  const lines = text.split("\n");
  const missing =
    /(?:^|\n|[ .:])([\w$]+) is not (?:defined|a function)/.exec(message)?.[1] ??
    /reading '([\w$]+)'/.exec(message)?.[1] ??
    /depends on (?:\{[^}]*"name":"([^"]+)")/.exec(message)?.[1] ??
    /(?:Could not resolve|unresolved dependency|dependency) "?(?:[\w-]+\.)*([\w-]+)"?/i.exec(message)?.[1];
  if (missing !== undefined) {
    const found = lines.findIndex((line) => new RegExp(`(^|[^\\w$])${escapeRegExp(missing)}([^\\w$]|$)`).test(line));
    if (found >= 0) return `${file}:${found + 1}`;
  }
  // The compiler wraps a file in three lines of its own.
  const inStack = new RegExp(`${escapeRegExp(file)}:(\\d+)`).exec(`${message}\n${stack ?? ""}`)?.[1];
  if (inStack !== undefined && file.endsWith(".js")) {
    const line = Number(inStack) - 3;
    if (line >= 1 && line <= lines.length) return `${file}:${line}`;
  }
  return file;
}

/** file:line of the first `ref` to the action that a message names, for errors that the compiler lays at no file of the project. */
function locateReference(message: string, files: ReadonlyMap<string, string | Uint8Array>): string | undefined {
  const name = /Action name: ([\w.-]+?)\.? |Could not resolve "([^"]+)"/
    .exec(message)
    ?.slice(1)
    .find((found) => found !== undefined);
  if (name === undefined) return undefined;
  const reference = new RegExp(`(ref|resolve)\\(\\s*["'\`]${escapeRegExp(name)}["'\`]`);
  for (const [path, content] of files) {
    if (typeof content !== "string" || !path.startsWith("definitions/")) continue;
    const line = content.split("\n").findIndex((other) => reference.test(other));
    if (line >= 0) return `${path}:${line + 1}`;
  }
  return undefined;
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
