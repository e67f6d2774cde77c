import { UserError } from "../../errors/user-error.ts";
import type { CompilationError, Graph } from "./graph.ts";
import { lostInCore3 } from "./lost-in-core-3.ts";
import { sayMissedCore } from "./project-core.ts";
import type { ProjectSources } from "./project-sources.ts";
import { wrongText } from "./wrong-text.ts";

/** How many errors of a project are told in full. */
const mostTold = 4;

/** Throws a UserError for a graph that the compiler found errors in: the first with its place, then a few more. */
export function refuseCompilationErrors(graph: Graph, sources: ProjectSources): void {
  const [first, ...others] = graph.errors;
  if (first === undefined) return;
  const at = (error: CompilationError) => locate(error.file, error.message, error.stack, sources.files);
  const missing = missingPackage(first, sources, at(first));
  if (missing !== undefined) throw missing;
  const bygone = sources.core.version.startsWith("3.") ? lostInCore3(first, sources.files) : undefined;
  if (bygone !== undefined) throw told(bygone.message, sources, { code: "dataform.core", where: bygone.where });
  const more = others
    .slice(0, mostTold - 1)
    .map((error) => `\n  also in ${at(error) ?? "the project"}: ${headOf(error).split("\n")[0]}`);
  const left = others.length - more.length;
  throw told(`${headOf(first)}${more.join("")}${left > 0 ? `\n  and ${left} more` : ""}`, sources, {
    code: "dataform.compile",
    where: at(first),
  });
}

/** The error, and where the project was written for another compiler that this is so and which command brings that one. */
function told(
  message: string,
  { core }: ProjectSources,
  options: { readonly code: string; readonly where: string | undefined },
): UserError {
  const missed = sayMissedCore(core);
  const note = missed === undefined ? "" : `\n  (${missed})`;
  return new UserError(`${message}${note}`, { ...options, exit: "config", next: core.missed?.next });
}

const headOf = (error: CompilationError): string => error.message.split("\n    at ")[0]!.trim();

/** For what the compiler wrote where a graph should have been; `graph` is what it could not pack, where it had got so far. */
export async function compilerTrouble(text: string, graph: unknown, sources: ProjectSources): Promise<UserError> {
  const message = text.split("\n").find((line) => line.trim() !== "") ?? "the Dataform compiler said nothing";
  const file = [...sources.files.keys()].find((path) => text.includes(path));
  const where = locate(file, text, undefined, sources.files) ?? sources.settings.file;
  const wrong = await wrongText(graph, sources.files);
  if (wrong !== undefined) return told(wrong.message, sources, { code: "dataform.config", where: wrong.where });
  return (
    missingPackage({ message: text }, sources, where) ??
    told(message.trim(), sources, { code: "dataform.compile", where })
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
