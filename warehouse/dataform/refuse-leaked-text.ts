import { UserError } from "../../errors/user-error.ts";
import type { Graph } from "./graph.ts";

/** What JavaScript prints when a template was given something that is not text. */
const leaks = /(?<![\w$])undefined(?![\w$])|\[object Object\]/g;

/**
 * Refuses a graph into whose text JavaScript leaked `undefined` or `[object Object]`: a template named a property that is not
 * there, and the SQL would run as something else. The words are allowed where the project's files spell them out themselves.
 */
export function refuseLeakedText(graph: Graph, files: ReadonlyMap<string, string | Uint8Array>): void {
  const shared = [...files].filter(([path]) => path.startsWith("includes/")).map(([, content]) => content);
  for (const action of [...graph.actions, ...graph.tests]) {
    const own = files.get(action.file);
    // A unit test has the query of the model that it tests inside its own.
    const spelled = ("expected" in action ? [...files.values()] : [own, ...shared]).filter(
      (text) => typeof text === "string",
    );
    for (const text of textsOf(action)) {
      for (const match of text.matchAll(leaks)) {
        const around = text.slice(Math.max(0, match.index - 2), match.index + match[0].length + 2);
        const isSpelled = spelled.some((content) => content.includes(around.trim()) && literally(content, match[0]));
        if (isSpelled) continue;
        const line = text
          .slice(text.lastIndexOf("\n", match.index) + 1)
          .split("\n")[0]!
          .trim();
        throw new UserError(
          `a template names something that is not there: \`${match[0]}\` got into the compiled text: ${line}`,
          {
            code: "dataform.undefined",
            exit: "config",
            where: `${action.file}${lineOf(typeof own === "string" ? own : "", line)}`,
          },
        );
      }
    }
  }
}

/** Whether a file spells the word inside SQL text rather than as JavaScript's own `undefined`. */
const literally = (content: string, word: string): boolean =>
  word !== "undefined" || /['"`\s-]undefined['"`\s,)]/.test(content);

/** Everything in a record that is text, however deep, but not the name of the file. */
function* textsOf(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (Array.isArray(value)) for (const item of value) yield* textsOf(item);
  else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) if (key !== "file") yield* textsOf(item);
  }
}

/** `:line` of the source line with a template that shares the most words with the compiled line. */
function lineOf(source: string, compiled: string): string {
  const words = new Set(compiled.match(/\w+/g) ?? []);
  let best = { line: 0, shared: 0 };
  source.split("\n").forEach((text, index) => {
    if (!text.includes("${")) return;
    const shared = (text.match(/\w+/g) ?? []).filter((word) => words.has(word)).length;
    if (shared > best.shared) best = { line: index + 1, shared };
  });
  return best.line > 0 ? `:${best.line}` : "";
}
