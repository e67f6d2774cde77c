import type { ReadStream } from "node:tty";
import { acts, choices } from "../../../console/labels/choices.ts";
import { type Evidence, span } from "../../../console/labels/review-queue.ts";
import type { ReviewSession } from "../../../console/labels/review-session.ts";
import type { Environment } from "../../environment.ts";
import { renderTable } from "../../table.ts";
import type { Review } from "./review.ts";

const interrupt = "\u0003";
const endOfInput = "\u0004";

/** Single keys as they are pressed; of a pipe, every character of it. */
async function* keysOf(stdin: ReadStream, signal: AbortSignal): AsyncIterable<string> {
  const isTerminal = stdin.isTTY === true;
  if (isTerminal) stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  const stop = () => stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of stdin) {
      // an arrow or a function key comes as one chunk that begins with an escape, and is none of ours
      if (String(chunk).startsWith("\u001b")) continue;
      for (const key of String(chunk)) yield key;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    if (isTerminal) stdin.setRawMode(false);
    stdin.destroy();
  }
}

/** Goes through the queue on the terminal: a key each. Everything is written to stderr; the result is what comes of it. */
export const reviewOnTerminal = (stdin: ReadStream): Review =>
  async function onTerminal(session, evidence, world) {
    const byKey = new Map(choices.map(({ key, label }) => [key, label]));
    world.console.note(legend());
    show(session, evidence, world);
    if (session.current === undefined && session.last === undefined) return;
    for await (const key of keysOf(stdin, world.signal)) {
      if (key === acts.quit || key === interrupt || key === endOfInput) return;
      const label = byKey.get(key);
      if (key === acts.undo) {
        if (!session.undo()) world.console.note("nothing to take back");
      } else if (session.current !== undefined && label !== undefined) {
        session.label(label);
        world.console.note(`  ${label}`);
      } else if (session.current !== undefined && key === acts.skip) {
        session.skip();
        world.console.note("  skipped");
      } else continue;
      show(session, evidence, world);
    }
  };

const legend = (): string =>
  [
    ...choices.map(({ key, label, meaning }) => `  ${key}  ${label.padEnd(15)} ${meaning}`),
    `  ${acts.skip}  skip    ${acts.undo}  undo    ${acts.quit}  finish`,
  ].join("\n");

function show(session: ReviewSession, evidence: ReadonlyMap<string, Evidence>, world: Environment): void {
  const { labelled, skipped, left } = session.progress;
  const { current } = session;
  const found = current && evidence.get(current.message_id);
  world.console.note(
    found === undefined
      ? `\nno message is left: ${acts.quit} to finish, ${acts.undo} to go back`
      : `\n${labelled} labelled, ${skipped} skipped, ${left} to go\n${renderEvidence(found)}`,
  );
}

/** The evidence of a message as text. */
export function renderEvidence({ facts, events, votes }: Evidence): string {
  const parts = [facts.map(({ name, value }) => `${name}: ${value}`).join("   ")];
  if (events.length > 0)
    parts.push(
      renderTable(
        [
          { title: "after", align: "right" },
          { title: "what" },
          { title: "how" },
          { title: "a person's", align: "right" },
          { title: "because" },
        ],
        events.map((one) => [
          span(one.seconds),
          one.event_type,
          one.detail,
          one.p_human === null ? "" : `${Math.round(100 * one.p_human)} %`,
          one.reasons.join(" "),
        ]),
      ),
    );
  if (votes.length > 0)
    parts.push(
      renderTable(
        [{ title: "question" }, { title: "who" }, { title: "vote" }],
        votes.map(({ question, voter, vote }) => [question, voter, vote]),
      ),
    );
  return parts.join("\n\n");
}
