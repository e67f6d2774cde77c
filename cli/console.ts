import type { Writable } from "node:stream";

/** One step of long work, as a person sees it. Safe to call often: it draws at most ten times a second. */
export interface Progress {
  /** `total` where it is known; `unit` is a plural noun. */
  update(done: number, total?: number, unit?: string): void;
  /** Ends the step; `summary` says what came of it. */
  done(summary?: string): void;
}

/** What commands may say to a person. The result goes to stdout, everything else to stderr. */
export interface Console {
  readonly json: boolean;
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** The result: `render` for people, `data` for `--json`. */
  result(data: unknown, render: () => string): void;
  /** A line on stderr that is worth reading once. */
  note(line: string): void;
  /** Nothing was lost, but somebody may want to know. */
  warn(line: string): void;
  progress(step: string): Progress;
}

export interface ConsoleStreams {
  readonly stdout: Writable & { isTTY?: boolean; columns?: number };
  readonly stderr: Writable & { isTTY?: boolean; columns?: number };
}

export interface ConsoleOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
}

/** JSON for output: bigints as numbers where exact, as text where not; bytes as base64. */
export const jsonText = (data: unknown): string =>
  JSON.stringify(
    data,
    (_key, value) => {
      if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
      if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
      if (value instanceof Map) return Object.fromEntries(value);
      return value;
    },
    2,
  );

const duration = (ms: number): string => (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`);
const count = (n: number): string => n.toLocaleString("en-US");

export function createConsole(streams: ConsoleStreams, options: ConsoleOptions): Console {
  const { stdout, stderr } = streams;
  const isTerminal = stderr.isTTY === true;
  const noColour = options.env["NO_COLOR"] !== undefined && options.env["NO_COLOR"] !== "";
  const colour = isTerminal && !noColour && options.env["TERM"] !== "dumb";
  const dim = (text: string) => (colour ? `\u001b[2m${text}\u001b[22m` : text);
  let live = false;
  const line = (text: string) => {
    if (live) stderr.write("\r\u001b[K");
    live = false;
    stderr.write(`${text}\n`);
  };

  return {
    json: options.json,
    isTerminal,
    colour,
    result(data, render) {
      if (live) stderr.write("\r\u001b[K");
      live = false;
      const text = options.json ? jsonText(data) : render();
      stdout.write(text.endsWith("\n") ? text : `${text}\n`);
    },
    note(text) {
      if (!options.quiet) line(text);
    },
    warn(text) {
      line(`warning: ${text}`);
    },
    progress(step) {
      const began = options.now();
      let drawn = 0;
      let finished = false;
      return {
        update(doneSoFar, total, unit = "rows") {
          if (!isTerminal || options.quiet || finished) return;
          const now = options.now();
          if (now - drawn < 100) return;
          drawn = now;
          const share = total ? ` ${Math.min(100, Math.floor((100 * doneSoFar) / total))} %` : "";
          stderr.write(`\r\u001b[K${step}${share} ${dim(`${count(doneSoFar)} ${unit}, ${duration(now - began)}`)}`);
          live = true;
        },
        done(summary) {
          if (finished) return;
          finished = true;
          if (options.quiet) return;
          line(`${step}${summary ? `: ${summary}` : ""} ${dim(`(${duration(options.now() - began)})`)}`);
        },
      };
    },
  };
}
