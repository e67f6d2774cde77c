import { resolve } from "node:path";
import { exitCodes, UserError } from "../../../errors/user-error.ts";
import { readHomeText, writeWhole } from "../../../platform/home-files.ts";
import { checkProof, type ProofVerdict, proveRow, rowProof } from "../../../retrain/snapshot/prove-row.ts";
import { findSnapshot, listSnapshots } from "../../../retrain/snapshot/snapshot.ts";
import type { Environment } from "../../environment.ts";

export interface ProveOptions {
  readonly snapshot?: string;
  readonly out?: string;
  readonly check?: string;
  readonly digest?: string;
}

/** `snapshot prove <row>`. */
export async function proveRowToFile(world: Environment, row: string | undefined, options: ProveOptions) {
  if (row === undefined) {
    throw new UserError("which row?", {
      code: "snapshot.no-row",
      exit: "usage",
      next: "inboxloop snapshot prove <message id or number>, or --check FILE",
    });
  }
  const { snapshots } = world.target;
  const folder = await snapshots.refresh();
  const reference = options.snapshot ?? (await listSnapshots(folder))[0]?.id;
  if (reference === undefined) {
    throw new UserError("there is no snapshot", {
      code: "snapshot.unknown",
      exit: "usage",
      where: folder,
      next: "inboxloop snapshot create",
    });
  }
  const snapshot = await findSnapshot(folder, reference);
  await snapshots.fetch(snapshot.id);
  const proof = await proveRow(snapshot, row, world.signal);
  if (options.out === undefined) {
    world.console.result(proof, () => JSON.stringify(proof));
    return;
  }
  const path = resolve(world.cwd, options.out);
  await writeWhole(path, `${JSON.stringify(proof)}\n`);
  const { content } = proof;
  world.console.result({ path, content, rows: proof.rows }, () =>
    [`proof   ${path}`, `content ${content.value}`, `next    inboxloop snapshot prove --check ${options.out}`].join(
      "\n",
    ),
  );
}

/** `snapshot prove --check`: against a digest that the caller holds, never against the one that the proof itself names. */
export async function checkProofFile(world: Environment, file: string, options: ProveOptions) {
  const path = resolve(world.cwd, file);
  const parsed = rowProof.safeParse(await readJson(path));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`not a proof of a row: ${issue?.message}`, {
      code: "snapshot.proof",
      exit: "usage",
      where: `${path} at ${issue?.path.join(".") || "the top"}`,
      next: "inboxloop snapshot prove <row> --out FILE",
    });
  }
  const verdict = checkProof(
    parsed.data,
    options.digest?.toLowerCase() ?? (await digestHere(world, parsed.data, options)),
  );
  world.console.result(verdict, () => renderProof(verdict));
  if (verdict.verdict === "fail") process.exitCode = exitCodes.check;
}

async function digestHere(
  world: Environment,
  proof: { readonly content: { readonly value: string } },
  options: ProveOptions,
): Promise<string> {
  const folder = await world.target.snapshots.refresh();
  const own =
    options.snapshot === undefined
      ? (await listSnapshots(folder)).find(({ lock }) => lock.lock.content.value === proof.content.value)
      : await findSnapshot(folder, options.snapshot);
  if (own) return own.lock.lock.content.value;
  throw new UserError("no snapshot here has the digest that the proof speaks of, and a proof cannot vouch for itself", {
    code: "snapshot.no-digest",
    exit: "usage",
    where: folder,
    next: "inboxloop snapshot prove --check FILE --digest <the 64 hex digits that you trust>",
  });
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readHomeText(path));
  } catch (cause) {
    throw new UserError("cannot read the proof", {
      code: "snapshot.proof",
      exit: "usage",
      where: path,
      next: "inboxloop snapshot prove <row> --out FILE",
      cause,
    });
  }
}

function renderProof({ verdict, content, why, row }: ProofVerdict): string {
  if (why !== null) return `${verdict}  ${why}\ncontent ${content}`;
  return [
    `${verdict}  the row is among those of ${content}`,
    ...Object.entries(row).map(([name, value]) => `  ${name} ${value}`),
  ].join("\n");
}
