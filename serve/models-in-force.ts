import { UserError } from "../errors/user-error.ts";
import { assignedModel, type Question, scoreTogether } from "../policy/assigned-model.ts";
import type { AssignedModel, Scores } from "../policy/decision.ts";
import { assign } from "../release/assignment.ts";
import type { ReleaseState } from "../release/state.ts";
import { artefactDigest } from "../scoring/artefact.ts";
import { findModel, openScorer, type Scorer } from "../scoring/model.ts";

/** A version as it was released: what was learned, and the folder byte for byte. */
export interface Released {
  readonly version: string;
  readonly digest: string;
  readonly artefact: string;
}

/** Which versions decide, as the release log says. */
export interface Lineup {
  readonly champion: Released | null;
  readonly canary: (Released & { readonly share: number }) | null;
  readonly shadow: Released | null;
}

/** The lineup from the state of the release log; nobody while the model is paused. */
export function lineupOf(state: Pick<ReleaseState, "champion" | "canary" | "versions" | "paused">): Lineup {
  if (state.paused.has("model")) return { champion: null, canary: null, shadow: null };
  const found = (version: string | null) => {
    const known = version === null ? undefined : state.versions.get(version);
    return known ? { version: known.version, digest: known.model, artefact: known.artefact } : null;
  };
  const canary = found(state.canary);
  const share = canary && state.versions.get(canary.version)?.canary?.share;
  const shadow = [...state.versions.values()].filter(({ stage }) => stage === "shadow").at(-1);
  return {
    champion: found(state.champion),
    canary: canary && typeof share === "number" ? { ...canary, share } : null,
    shadow: found(shadow?.version ?? null),
  };
}

export const sameLineup = (a: Lineup, b: Lineup): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The models of a lineup in memory. One that could not be loaded is refused with the reason; the others go on. */
export interface ModelsInForce {
  readonly lineup: Lineup;
  readonly refused: Readonly<Record<string, string>>;
  /** Who decides for a person; `scored` where people were scored together before. */
  assign(
    person: string,
    scored?: (version: string) => ReadonlyMap<string, Readonly<Record<string, number>>> | undefined,
  ): AssignedModel;
  /** Scores for many people of one version. */
  score(version: string, questions: readonly Question[]): readonly Scores[];
  /** The version that decides beside the others and for nobody; undefined without one. */
  shadow(): AssignedModel | undefined;
  close(): void;
}

/**
 * Loads what the lineup names from the folder of models, each checked against the digest that was released and its forests against
 * their own. `earlier` gives its scorers on, so that a change loads only what is new.
 */
export async function loadModels(
  models: string,
  lineup: Lineup,
  key: Uint8Array,
  earlier?: LoadedModels,
): Promise<LoadedModels> {
  const scorers = new Map<string, Scorer>();
  const refused: Record<string, string> = {};
  for (const wanted of [lineup.champion, lineup.canary, lineup.shadow]) {
    if (wanted === null || scorers.has(wanted.version)) continue;
    const known = earlier?.scorers.get(wanted.version);
    if (known?.model.digest === wanted.digest) {
      scorers.set(wanted.version, known);
      continue;
    }
    try {
      const model = await findModel(models, wanted.version);
      if (model.digest !== wanted.digest || (await artefactDigest(model)) !== wanted.artefact)
        throw new UserError("it is not the model that was released", { code: "model.changed", exit: "check" });
      scorers.set(wanted.version, await openScorer(model));
    } catch (error) {
      refused[wanted.version] = error instanceof UserError ? error.code : `unreadable: ${(error as Error).message}`;
    }
  }
  return new LoadedModels(lineup, scorers, refused, key);
}

export class LoadedModels implements ModelsInForce {
  readonly lineup: Lineup;
  readonly scorers: ReadonlyMap<string, Scorer>;
  readonly refused: Readonly<Record<string, string>>;
  readonly #key: Uint8Array;

  constructor(
    lineup: Lineup,
    scorers: ReadonlyMap<string, Scorer>,
    refused: Readonly<Record<string, string>>,
    key: Uint8Array,
  ) {
    this.lineup = lineup;
    this.scorers = scorers;
    this.refused = refused;
    this.#key = key;
  }

  assign(
    person: string,
    scored?: (version: string) => ReadonlyMap<string, Readonly<Record<string, number>>> | undefined,
  ): AssignedModel {
    const { champion, canary } = this.lineup;
    const drawn = canary && assign({ key: this.#key, release: canary.version, person, share: canary.share });
    const arm = drawn?.arm ?? "champion";
    const named = arm === "candidate" ? canary : champion;
    if (!named) return { kind: "none", reason: "no-champion" };
    const scorer = this.scorers.get(named.version);
    if (!scorer) return { kind: "none", reason: this.refused[named.version] ?? "not-loaded" };
    const part = {
      arm,
      arm_propensity: drawn?.propensity ?? 1,
      release_id: canary?.version ?? null,
      canary_share: canary?.share ?? null,
    };
    return assignedModel(scorer, part, scored?.(named.version));
  }

  score(version: string, questions: readonly Question[]): readonly Scores[] {
    const scorer = this.scorers.get(version);
    if (!scorer) return questions.map(() => ({ kind: "failed", reason: "not-loaded" }));
    return scoreTogether(scorer, questions);
  }

  shadow(): AssignedModel | undefined {
    const { shadow } = this.lineup;
    const scorer = shadow && this.scorers.get(shadow.version);
    return scorer
      ? assignedModel(scorer, { arm: "candidate", arm_propensity: 0, release_id: null, canary_share: null })
      : undefined;
  }

  /** Gives back the memory of the models that `later` does not go on with. */
  closeBut(later?: LoadedModels): void {
    for (const [version, scorer] of this.scorers) if (later?.scorers.get(version) !== scorer) scorer.close();
  }

  close(): void {
    this.closeBut();
  }
}
