import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { decideBatch } from "../cli/commands/decide/run.ts";
import { type Why, whyCommand } from "../cli/commands/why/run.ts";
import type { Environment } from "../cli/environment.ts";
import { campaignsOf, readPolicies } from "../cli/policies.ts";
import { writeAsIs } from "../platform/files.ts";
import { pausesOf } from "../release/changes.ts";
import { releaseStatus } from "../release/release.ts";
import type { Summary } from "../serve/batch/summary.ts";
import { type Lineup, lineupOf } from "../serve/models-in-force.ts";
import type { Assignment } from "../simulate/canary.ts";
import { memoryLimitOf, withWarehouse } from "./local-steps.ts";
import { cartReminder, newsletter, policies } from "./policies.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** People decided for together: the demo promises to stay within 2 GB. */
const pageRows = 7_000;

/** Nobody, as while `inboxloop pause model` stands, or when no artefact can be read. */
const noModel: Lineup = { champion: null, canary: null, shadow: null };

/** Mails to everybody, decided by the product's own batch under the policies in the demo's home. */
export class Mailings {
  readonly #world: Environment;
  readonly #watch: Stopwatch;
  readonly #policies: string;

  private constructor(world: Environment, watch: Stopwatch, policies: string) {
    this.#world = world;
    this.#watch = watch;
    this.#policies = policies;
  }

  /** Writes policies into the home, by default the demo's. */
  static async open(
    world: Environment,
    watch: Stopwatch,
    texts: Readonly<Record<string, string>> = policies,
  ): Promise<Mailings> {
    const folder = join(world.home.root, "policies");
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(texts)) await writeAsIs(join(folder, `${name}.yaml`), text);
    return new Mailings(world, watch, folder);
  }

  /** Decides for everybody at an instant, with the models that the release log names then. Decided before, it stays as it was. */
  decide(campaign: string, at: Date, policy = newsletter): Promise<Summary> {
    return this.#batch({ campaign, policy, at, dryRun: false });
  }

  /** People whom nothing stands against mailing, as of the last build. */
  async mailable(): Promise<number> {
    const { rows } = await withWarehouse(this.#world, (warehouse) =>
      warehouse.query(
        `select count(*) as people
from features.decision_inputs
where has_activation_consent and not exists (select 1 from unnest(suppressions) as one where one.campaign_kind = 'bulk')`,
        { params: {}, file: "people who may be mailed", signal: this.#world.signal },
      ),
    );
    return Number(rows[0]?.["people"] ?? 0);
  }

  /** What the batch would decide without any model; nothing of it is written. */
  rehearseWithoutModel(campaign: string, at: Date): Promise<Summary> {
    return this.#batch({ campaign, policy: newsletter, at, lineup: noModel, dryRun: true });
  }

  /** Who would be reminded of a cart that was left on the day before. */
  rehearseCarts(at: Date): Promise<Summary> {
    return this.#batch({ campaign: cartReminder, policy: cartReminder, at, lineup: noModel, dryRun: true });
  }

  /** Why somebody gets a campaign's mail, and where the decision parts from one about somebody who gets none. */
  async why(campaign: string): Promise<Why | null> {
    const { rows } = await withWarehouse(this.#world, (warehouse) =>
      warehouse.query(
        `select
  min(if(action = 'send' and rung = 'model', decision_id, null)) as sent,
  min(if(decision_reason = 'suppressed', decision_id, null)) as suppressed
from staging.stg_raw__decisions
where campaign_id = @campaign`,
        { params: { campaign }, file: "decisions to explain", signal: this.#world.signal },
      ),
    );
    const [sent, suppressed] = [rows[0]?.["sent"], rows[0]?.["suppressed"]];
    if (typeof sent !== "string") return null;
    return whyCommand(this.#world, sent, typeof suppressed === "string" ? suppressed : undefined);
  }

  /** Whom a campaign was decided to be sent to, as raw.decisions has it, in a fixed order. */
  sends(campaign: string): Promise<readonly Assignment[]> {
    return withWarehouse(this.#world, async (warehouse) => {
      const { rows } = await warehouse.query(
        `select user_id_hash, message_id, variant, arm, model_version, send_at
from staging.stg_raw__decisions
where campaign_id = @campaign and action = 'send'
order by user_id_hash`,
        { params: { campaign }, file: "sends of a mailing", signal: this.#world.signal },
      );
      return rows.map((row) => ({
        userId: String(row["user_id_hash"]),
        messageId: String(row["message_id"]),
        variant: String(row["variant"]),
        arm: String(row["arm"] ?? "none"),
        modelVersion: String(row["model_version"] ?? "none"),
        sentAt: Date.parse(String(row["send_at"])),
      }));
    });
  }

  async #batch(asked: {
    readonly campaign: string;
    readonly policy: string;
    readonly at: Date;
    /** Those of the release log unless stated. */
    readonly lineup?: Lineup;
    readonly dryRun: boolean;
  }): Promise<Summary> {
    const { campaign, policy, at, dryRun } = asked;
    const world = this.#world;
    const { state } = await releaseStatus(world.releaseLog);
    const campaigns = campaignsOf([`${campaign}=${policy}`], await readPolicies(world, this.#policies));
    const { summary } = await this.#watch.time("decide", () =>
      decideBatch(
        world,
        {
          campaigns,
          occasion: at.toISOString().slice(0, 10),
          now: at.getTime(),
          lineup: asked.lineup ?? lineupOf(state),
          pauses: pausesOf(state),
        },
        { pageRows, dryRun, trustReceivedAt: true, memoryLimit: memoryLimitOf(world, "other") },
      ),
    );
    return summary;
  }
}
