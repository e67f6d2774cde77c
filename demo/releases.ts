import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../cli/environment.ts";
import { failedGuardrails } from "../policy/guardrails.ts";
import { fileAlerts } from "../release/alert-sinks.ts";
import { enrol } from "../release/control/enrol.ts";
import { type People, type Person, personWith, readPeople } from "../release/control/people.ts";
import { readPersonKey } from "../release/control/person-key.ts";
import type { Entry } from "../release/log.ts";
import { approve, promote, type ReleaseEnv, releaseStatus, submit } from "../release/release.ts";
import type { VersionState } from "../release/state.ts";
import type { Evaluation } from "../retrain/evaluate/evaluate.ts";
import { artefactDigest } from "../scoring/artefact.ts";
import type { Model } from "../scoring/model.ts";
import type { Judge } from "./judge.ts";

/** Rows that a model is judged on, and rows that its policy is run on. */
const judgedRows = { rows: 40_000, policyRows: 20_000 };

const roles = { ada: ["modeller"], ben: ["approver", "on-call"] } as const;
type Name = keyof typeof roles;

/** The release desk: Ada submits, Ben approves, each with a key of their own, in the time of the simulated world. */
export class Releases {
  /** In the order in which the candidates were submitted. */
  readonly evaluations: Evaluation[] = [];
  readonly #world: Environment;
  readonly #judge: Judge;
  readonly #people: People;
  readonly #persons: Readonly<Record<Name, Person>>;
  #now: Date;

  private constructor(world: Environment, judge: Judge, people: People, persons: Record<Name, Person>, now: Date) {
    this.#world = world;
    this.#judge = judge;
    this.#people = people;
    this.#persons = persons;
    this.#now = now;
  }

  /** Opens the desk; the first time in a home, two keys are made for it. */
  static async open(world: Environment, judge: Judge, begins: Date): Promise<Releases> {
    const { home } = world;
    const keys = join(home.state, "keys");
    const known = await readPeople(home.governance);
    for (const person of ["ada", "ben"] as const) {
      if (known?.signers.some((s) => s.person === person)) continue;
      await enrol({ person, roles: roles[person], governance: home.governance, keys });
    }
    const people = await readPeople(home.governance);
    if (!people) throw new Error("the desk has no people");
    const last = (await releaseStatus(world.releaseLog)).entries.at(-1)?.at;
    const now = last !== undefined && Date.parse(last) > begins.getTime() ? new Date(last) : begins;
    const person = async (name: Name) => {
      const file = join(keys, `${name}.key`);
      return personWith(people, readPersonKey(await readFile(file, "utf8"), file), now);
    };
    return new Releases(world, judge, people, { ada: await person("ada"), ben: await person("ben") }, now);
  }

  /** Time goes on at the desk, never back. */
  goesOnTo(now: Date): void {
    if (now > this.#now) this.#now = now;
  }

  as(person: Name | "inboxloop"): ReleaseEnv {
    const { home, releaseLog } = this.#world;
    return {
      log: releaseLog,
      now: () => this.#now,
      person: person === "inboxloop" ? null : this.#persons[person],
      people: this.#people,
      alerts: [{ ...fileAlerts(join(home.root, "alerts.ndjson")), name: "alerts.ndjson" }],
    };
  }

  async stageOf(model: Model): Promise<string | undefined> {
    return (await this.stateOf(model))?.stage;
  }

  async stateOf(model: Model): Promise<VersionState | undefined> {
    return (await releaseStatus(this.#world.releaseLog)).state.versions.get(model.name);
  }

  /** A look at its canary, counted from 1, as the log has it. */
  async lookAt(model: Model, look: number): Promise<Extract<Entry["event"], { kind: "canary_checked" }> | undefined> {
    const { entries } = await releaseStatus(this.#world.releaseLog);
    const looks = entries.flatMap(({ event }) =>
      event.kind === "canary_checked" && event.version === model.name ? [event] : [],
    );
    return looks[look - 1];
  }

  evaluate(model: Model, champion: Model | undefined): Promise<Evaluation> {
    return this.#judge.evaluate({ candidate: model.name, champion: champion?.name, ...judgedRows });
  }

  async submit(model: Model, evaluation: Evaluation, despite: string | undefined): Promise<void> {
    this.evaluations.push(evaluation);
    if ((await this.stageOf(model)) !== undefined) return;
    const { verdict, champion, guardrails } = evaluation;
    const artefact = await artefactDigest(model);
    await submit(this.as("ada"), {
      version: model.name,
      model: model.digest,
      artefact,
      snapshot: model.record.lineage.snapshot.content.value,
      evaluation: {
        verdict,
        champion: champion?.name ?? null,
        failed: failedGuardrails(guardrails),
        source: { kind: "computed" },
      },
    });
    await approve(this.as("ben"), model.name, {
      artefact,
      despite: verdict === "pass" ? undefined : (despite ?? "a demo goes on to the canary"),
    });
  }

  /** The first champion has nobody to be compared with. */
  async bootstrap(model: Model): Promise<void> {
    const evaluation = await this.evaluate(model, undefined);
    await this.submit(model, evaluation, "the first model: there is nobody to compare it with");
    if ((await this.stageOf(model)) !== "approved") return;
    await promote(this.as("ben"), model.name, { artefact: await artefactDigest(model), evidence: null });
  }
}
