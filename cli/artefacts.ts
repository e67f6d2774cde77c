import type { Environment } from "./environment.ts";

/** Snapshots and models as they are on this machine, up to date with where the target keeps them. */
export interface ArtefactFolders {
  readonly snapshots: string;
  readonly models: string;
  /** Makes sure that all files of a snapshot are here, not only its lock. */
  readonly bring: (snapshot: string) => Promise<unknown>;
}

export async function artefactFolders({ target }: Pick<Environment, "target">): Promise<ArtefactFolders> {
  const [snapshots, models] = await Promise.all([target.snapshots.refresh(), target.models.refresh()]);
  return { snapshots, models, bring: (snapshot) => target.snapshots.fetch(snapshot) };
}
