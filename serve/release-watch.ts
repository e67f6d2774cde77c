import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { readHomeText, writeWhole } from "../platform/home-files.ts";
import { noJournal } from "../platform/journal/journal.ts";
import type { Pause } from "../policy/decision.ts";
import { pausesOf } from "../release/changes.ts";
import type { ReleaseLog } from "../release/log.ts";
import { releaseStatus } from "../release/release.ts";
import { type Lineup, LoadedModels, lineupOf, loadModels, sameLineup } from "./models-in-force.ts";

const named = z.strictObject({ version: z.string(), digest: z.string(), artefact: z.string() });
const kept = z.strictObject({
  lineup: z.strictObject({
    champion: named.nullable(),
    canary: named.extend({ share: z.number() }).nullable(),
    shadow: named.nullable(),
  }),
  pauses: z.array(z.strictObject({ scope: z.string(), reason: z.string() })),
});

export interface InForce {
  readonly models: LoadedModels;
  readonly pauses: readonly Pause[];
  /** Why the release log is not what this is from; undefined when it is. */
  readonly trouble: string | undefined;
}

export interface WatchOptions {
  readonly log: ReleaseLog;
  /** The folder of models, brought up to date. */
  readonly models: () => Promise<string>;
  readonly key: Uint8Array;
  /** Where the last lineup that could be read is kept, for a start without the log. */
  readonly lastGood: string;
  readonly onChange?: (inForce: InForce) => void;
}

/**
 * Follows the release log: who is champion, canary and shadow, and what is paused. A change is in force with the next decision after it is seen, four
 * times a second of a file's. A log that cannot be read, or is not whole, changes nothing: what was good last stands, from the disk after a start.
 */
export class ReleaseWatch {
  readonly #options: WatchOptions;
  #current: InForce;
  #stamp = "";
  #retired: LoadedModels[] = [];

  private constructor(options: WatchOptions) {
    this.#options = options;
    const nobody: Lineup = { champion: null, canary: null, shadow: null };
    this.#current = { models: new LoadedModels(nobody, new Map(), {}, options.key), pauses: [], trouble: "not-read" };
  }

  static async open(options: WatchOptions): Promise<ReleaseWatch> {
    const watch = new ReleaseWatch(options);
    await watch.look();
    if (watch.#current.trouble !== undefined) await watch.#fromDisk();
    return watch;
  }

  get current(): InForce {
    return this.#current;
  }

  /** Looks once; gives whether something changed. */
  async look(): Promise<boolean> {
    const { log } = this.#options;
    try {
      const stamp = await log.stamp();
      if (stamp === this.#stamp) return false;
      // A log that was there and is gone was not emptied by anybody who releases.
      if (stamp === noJournal && this.#stamp !== "") throw new Error("the release log is gone");
      const { state } = await releaseStatus(log);
      const isChanged = await this.#take(lineupOf(state), pausesOf(state));
      this.#stamp = stamp;
      await this.#keep();
      return isChanged;
    } catch (error) {
      const code = (error as { code?: string }).code ?? (error as Error).message;
      if (this.#current.trouble !== code) this.#change({ ...this.#current, trouble: code });
      return false;
    }
  }

  close(): void {
    for (const models of this.#retired) models.closeBut(this.#current.models);
    this.#current.models.close();
  }

  async #take(lineup: Lineup, pauses: readonly Pause[]): Promise<boolean> {
    const { models, pauses: before, trouble } = this.#current;
    const isSame = sameLineup(models.lineup, lineup) && Object.keys(models.refused).length === 0;
    if (isSame && JSON.stringify(before) === JSON.stringify(pauses)) {
      if (trouble !== undefined) this.#change({ ...this.#current, trouble: undefined });
      return false;
    }
    const loaded = isSame ? models : await loadModels(await this.#options.models(), lineup, this.#options.key, models);
    if (loaded !== models) this.#retired.push(models);
    this.#change({ models: loaded, pauses, trouble: undefined });
    // Decisions under way may still ask the models before.
    if (this.#retired.length > 2) this.#retired.shift()!.closeBut(loaded);
    return true;
  }

  #change(next: InForce): void {
    this.#current = next;
    this.#options.onChange?.(next);
  }

  async #keep(): Promise<void> {
    const { models, pauses } = this.#current;
    await mkdir(dirname(this.#options.lastGood), { recursive: true });
    await writeWhole(this.#options.lastGood, `${JSON.stringify({ lineup: models.lineup, pauses })}\n`);
  }

  async #fromDisk(): Promise<void> {
    const text = await readHomeText(this.#options.lastGood).catch(() => undefined);
    const parsed = text === undefined ? undefined : kept.safeParse(JSON.parse(text));
    if (!parsed?.success) return;
    const { trouble } = this.#current;
    await this.#take(parsed.data.lineup, parsed.data.pauses);
    this.#change({ ...this.#current, trouble });
  }
}
