/** Text analyzers: https://cloud.google.com/bigquery/docs/reference/standard-sql/text-analysis */
import { extractAll } from "../regexp-engine.ts";

export interface TextAnalyzer {
  readonly kind: "LOG_ANALYZER" | "NO_OP_ANALYZER" | "PATTERN_ANALYZER";
  /** The tokens of a text, in order. */
  tokens(text: string): readonly string[];
  /** Of LOG_ANALYZER: whether a delimiter ends where, or begins where, the place is. */
  isDelimited(text: string, place: number, side: "before" | "after"): boolean;
}

const logDelimiters =
  "[ ] < > ( ) { } | ! ; , ' \" * & ? + / : = @ . - $ % \\ _ %21 %26 %2526 %3B %3b %7C %7c %20 %2B %2b %3D %3d %2520 %5D %5d %5B %5b %3A %3a %0A %0a %2C %2c %28 %29"
    .split(" ")
    .concat("\n", "\r", " ", "\t");

const refuse = (what: string): never => {
  throw new Error(`refused.text_analyzer: ${what}`);
};

/** Letters beyond ASCII are kept as they are. */
const lowered = (token: string): string => token.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

type Filter = (tokens: readonly string[]) => readonly string[];

function filterOf(option: unknown): Filter {
  const [[name, value] = ["", undefined], ...more] = Object.entries(option ?? {});
  if (more.length === 0 && name === "stop_words" && Array.isArray(value)) {
    const stopped = new Set<unknown>(value);
    return (tokens) => tokens.filter((token) => !stopped.has(token));
  }
  if (more.length > 0 || name !== "normalizer") return refuse(`the token filter ${JSON.stringify(option)}`);
  const { mode = "LOWER", ...others } = value as { readonly mode?: string };
  const known = Object.keys(others).length === 0 && (mode === "LOWER" || mode === "NONE");
  if (!known) return refuse(`the normalizer ${JSON.stringify(value)}`);
  return (tokens) => (mode === "NONE" ? tokens : tokens.map(lowered));
}

/** A list of texts of the options; undefined when it is not given. */
function textsOf(options: Readonly<Record<string, unknown>>, name: string): readonly string[] | undefined {
  const given = options[name];
  if (given === undefined) return undefined;
  const isList =
    Array.isArray(given) && given.length > 0 && given.every((one) => typeof one === "string" && one !== "");
  if (!isList) throw new Error(`Invalid analyzer_options: ${name} must be a list of texts`);
  return given as readonly string[];
}

function readOptions(text: string | null): Readonly<Record<string, unknown>> {
  if (text === null) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("Invalid analyzer_options: not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("Invalid analyzer_options: not a JSON object");
  return value as Readonly<Record<string, unknown>>;
}

const noDelimiter = (): boolean => false;

/** The analyzer of that name; throws when the options are none of its, or `refused.` where they are not served. */
export function textAnalyzer(name: string, optionsText: string | null): TextAnalyzer {
  const options = readOptions(optionsText);
  const check = (allowed: readonly string[]): void => {
    const unknown = Object.keys(options).find((key) => !allowed.includes(key));
    if (unknown !== undefined) throw new Error(`Invalid analyzer_options: ${name} has no option ${unknown}`);
  };
  switch (name.toUpperCase()) {
    case "NO_OP_ANALYZER":
      check([]);
      return { kind: "NO_OP_ANALYZER", tokens: (text) => [text], isDelimited: noDelimiter };
    case "LOG_ANALYZER": {
      check(["delimiters", "token_filters"]);
      const delimiters = [...(textsOf(options, "delimiters") ?? logDelimiters)].sort((a, b) => b.length - a.length);
      const between = new RegExp(delimiters.map((one) => one.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"));
      const filter = filtersOf(options);
      return {
        kind: "LOG_ANALYZER",
        tokens: (text) => filter(text.split(between).filter((token) => token !== "")),
        isDelimited: (text, place, side) =>
          delimiters.some((one) => (side === "before" ? text.endsWith(one, place) : text.startsWith(one, place))),
      };
    }
    case "PATTERN_ANALYZER": {
      check(["patterns", "token_filters"]);
      const [pattern = "\\b\\w{2,}\\b", ...more] = textsOf(options, "patterns") ?? [];
      if (more.length > 0) return refuse("more than one pattern");
      const filter = filtersOf(options);
      return {
        kind: "PATTERN_ANALYZER",
        tokens: (text) => filter(extractAll(text, pattern).filter((token) => token !== "")),
        isDelimited: noDelimiter,
      };
    }
    default:
      throw new Error(`Invalid text analyzer: ${name}`);
  }
}

/** Without filters of their own, tokens are made lower case. */
function filtersOf(options: Readonly<Record<string, unknown>>): Filter {
  const given = options["token_filters"];
  if (given === undefined) return (tokens) => tokens.map(lowered);
  if (!Array.isArray(given)) throw new Error("Invalid analyzer_options: token_filters must be a list");
  const filters = given.map(filterOf);
  // Stop words alone leave the normalizer as it is by default.
  const isNormalized = given.some((one) => typeof one === "object" && one !== null && "normalizer" in one);
  const all = isNormalized ? filters : [(tokens: readonly string[]) => tokens.map(lowered), ...filters];
  return (tokens) => all.reduce((rest, filter) => filter(rest), tokens);
}
