import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import humanLabels from "../../includes/human_labels.js";
import { lineFor, lineFrom } from "../../platform/home-files.ts";
import { type HomeSeal, sealOf } from "../../platform/home-seal.ts";
import { choices } from "./choices.ts";
import type { Origin, QueuedMessage } from "./review-queue.ts";

const act = z.discriminatedUnion("act", [
  z.strictObject({
    act: z.literal("label"),
    message_id: z.string(),
    origin: z.enum(humanLabels.origins as ["uncertain", "random", "second"]),
    label: z.string(),
    at: z.iso.datetime(),
  }),
  z.strictObject({ act: z.literal("skip"), message_id: z.string(), origin: z.enum(["uncertain", "random", "second"]) }),
  z.strictObject({ act: z.literal("undo") }),
]);
type Act = z.infer<typeof act>;
type Standing = Exclude<Act, { act: "undo" }>;

/** A statement for raw.human_labels, as the door takes it. */
export interface HumanLabel {
  readonly table: "human_labels";
  readonly message_id: string;
  readonly label: string;
  readonly labelled_by: string;
  readonly labelled_at: string;
  readonly note: string;
}

export interface ReviewProgress {
  readonly labelled: number;
  readonly skipped: number;
  readonly left: number;
}

const labelNames = new Set(choices.map(({ label }) => label));

/**
 * What one person says, act by act, in a file that is synced before anything else is shown: a session that was killed goes on where
 * it was, and can undo what was said before. Nothing of it counts until it lands; `labels` are what stands.
 */
export class ReviewSession {
  private readonly file: number;
  private readonly seal: HomeSeal | undefined;
  private readonly standing: Standing[] = [];
  private queue: QueuedMessage[];
  private readonly now: () => Date;

  private constructor(
    file: number,
    seal: HomeSeal | undefined,
    acts: readonly Act[],
    queue: readonly QueuedMessage[],
    now: () => Date,
  ) {
    this.file = file;
    this.seal = seal;
    this.now = now;
    for (const one of acts) this.fold(one);
    const done = new Set(this.standing.map(({ message_id }) => message_id));
    this.queue = queue.filter(({ message_id }) => !done.has(message_id));
  }

  /** Opens a session's file, making it where it is not there. A last line that was cut short was never answered, and goes. */
  static open(path: string, queue: readonly QueuedMessage[], now: () => Date): ReviewSession {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = openSync(path, "a+", 0o600);
    const { acts, bytes } = readActs(path);
    ftruncateSync(file, bytes);
    return new ReviewSession(file, sealOf(path), acts, queue, now);
  }

  /** The message at hand; undefined when the queue is empty. */
  get current(): QueuedMessage | undefined {
    return this.queue[0];
  }

  /** What was said of a message last, for whoever undoes it. */
  get last(): Standing | undefined {
    return this.standing.at(-1);
  }

  get progress(): ReviewProgress {
    const labelled = this.standing.filter((one) => one.act === "label").length;
    return { labelled, skipped: this.standing.length - labelled, left: this.queue.length };
  }

  label(label: string): void {
    if (!labelNames.has(label))
      throw new UserError(`"${label}" is no class; there are ${[...labelNames].join(", ")}`, {
        code: "labels.class",
        exit: "usage",
      });
    const at = this.take();
    this.write({ act: "label", ...at, label, at: this.now().toISOString() });
  }

  skip(): void {
    this.write({ act: "skip", ...this.take() });
  }

  /** Takes the last act back and puts its message before the person again. Gives whether there was one. */
  undo(): boolean {
    const last = this.standing.at(-1);
    if (last === undefined) return false;
    this.write({ act: "undo" });
    this.queue = [{ message_id: last.message_id, origin: last.origin }, ...this.queue];
    return true;
  }

  close(): void {
    closeSync(this.file);
  }

  private take(): { readonly message_id: string; readonly origin: Origin } {
    const [first, ...rest] = this.queue;
    if (first === undefined) throw new UserError("no message is left", { code: "labels.queue-empty", exit: "check" });
    this.queue = rest;
    return first;
  }

  private write(one: Act): void {
    writeSync(this.file, `${lineFor(JSON.stringify(one), this.seal)}\n`);
    fsyncSync(this.file);
    this.fold(one);
  }

  private fold(one: Act): void {
    if (one.act === "undo") this.standing.pop();
    else this.standing.push(one);
  }
}

/** What stands of a session's file, as statements for the door. */
export function labelsOf(path: string, reviewer: string): readonly HumanLabel[] {
  const standing: Standing[] = [];
  for (const one of readActs(path).acts) {
    if (one.act === "undo") standing.pop();
    else standing.push(one);
  }
  return standing.flatMap((one) =>
    one.act === "skip"
      ? []
      : [
          {
            table: "human_labels" as const,
            message_id: one.message_id,
            label: one.label,
            labelled_by: reviewer,
            labelled_at: one.at,
            note: humanLabels.noteOf(one.origin) as string,
          },
        ],
  );
}

/** Messages of which a session's file says something, with why they were shown. */
export const messagesIn = (path: string): readonly QueuedMessage[] =>
  readActs(path).acts.flatMap((one) =>
    one.act === "undo" ? [] : [{ message_id: one.message_id, origin: one.origin }],
  );

function readActs(path: string): { readonly acts: readonly Act[]; readonly bytes: number } {
  const text = readFileSync(path, "utf8");
  const seal = sealOf(path);
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const acts = whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line, i) => {
      let data: unknown;
      try {
        data = JSON.parse(lineFrom(line, seal) ?? "");
      } catch {
        data = undefined;
      }
      const parsed = act.safeParse(data);
      if (parsed.success) return parsed.data;
      throw new UserError("not a line of a review", {
        code: "labels.session",
        exit: "config",
        where: `${path}:${i + 1}`,
        next: "mend or remove the line, then: inboxloop labels review",
      });
    });
  return { acts, bytes: Buffer.byteLength(whole) };
}
