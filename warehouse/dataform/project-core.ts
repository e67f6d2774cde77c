import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import semver from "semver";
import { UserError } from "../../errors/user-error.ts";
import { refuseOutsiders } from "./project-files.ts";
import { coreName, readManifest } from "./project-packages.ts";

/** Which `@dataform/core` compiles a project: the one that it brings in its node_modules, or ours. */
export interface ProjectCore {
  /** The version that compiles it. */
  readonly version: string;
  /** Whether that is the one in the project's own node_modules. */
  readonly isOwn: boolean;
  /** What the project asks for, where another version compiles it than that. */
  readonly missed?: MissedCore;
}

interface MissedCore {
  /** A version or a range, as the project writes it. */
  readonly asked: string;
  /** What its node_modules has instead. */
  readonly installed: string | undefined;
  /** Whether it is of another generation than the one that compiles it, so that what its JavaScript calls may be gone. */
  readonly isOtherGeneration: boolean;
  /** The command that brings the version asked for. */
  readonly next: string;
}

const require = createRequire(import.meta.url);
/** Version of the `@dataform/core` that comes with us. */
export const ourCoreVersion = (): string =>
  (require(`${coreName}/package.json`) as { version?: string }).version ?? "3.0.0";

/**
 * Chooses the compiler of the project in `dir`. `inSettings` is its `dataformCoreVersion`, `inManifest` what its package.json says; the first
 * goes before. A core that lies in its node_modules compiles it when it is what was asked for, or nothing was; ours does otherwise.
 * Throws a UserError `dataform.core` for an own core that nothing here can run.
 */
export async function chooseCore(
  dir: string,
  inSettings: unknown,
  inManifest: string | undefined,
): Promise<ProjectCore> {
  const ours = ourCoreVersion();
  const asked = inSettings === undefined ? inManifest : String(inSettings);
  const installed = await installedCore(dir);
  if (installed !== undefined && installed !== ours && (asked === undefined || satisfies(installed, asked))) {
    refuseUnrunnable(installed, dir, ours);
    return { version: installed, isOwn: true };
  }
  if (asked === undefined || satisfies(ours, asked)) return { version: ours, isOwn: false };
  const lowest = semver.minVersion(asked);
  const spec = `${coreName}@${asked}`;
  const wanted = inSettings === undefined ? "" : ` --no-save ${/^[\w.@/^~-]+$/.test(spec) ? spec : `"${spec}"`}`;
  return {
    version: ours,
    isOwn: false,
    missed: {
      asked,
      installed,
      isOtherGeneration: lowest !== null && lowest.major !== semver.major(ours),
      next: `npm install --ignore-scripts --prefix ${dir}${wanted}`,
    },
  };
}

/** What a person is told of a project that another version compiles than it asks for. */
export function sayMissedCore({ version, missed }: ProjectCore): string | undefined {
  if (missed === undefined) return undefined;
  const has = missed.installed === undefined ? "does not have" : `has as ${missed.installed}`;
  return `the project asks for ${coreName} ${missed.asked}, which its node_modules ${has}; it is compiled with ${version}`;
}

async function installedCore(dir: string): Promise<string | undefined> {
  const path = join("node_modules", coreName);
  if (!existsSync(join(dir, path, "bundle.js"))) return undefined;
  await refuseOutsiders(dir, path);
  return semver.valid((await readManifest(join(dir, path))).version) ?? undefined;
}

/** Whether a version is one of a range; what is no range of versions ("latest", an address) names none, and any will do. */
const satisfies = (version: string, range: string): boolean =>
  semver.validRange(range) === null || semver.satisfies(version, range, { includePrerelease: true });

/** The first core that has one `main` for everything. */
const oldest = "1.22.0";

function refuseUnrunnable(installed: string, dir: string, ours: string): void {
  const isPreview = semver.lt(installed, "3.0.0") && semver.major(installed) === 3;
  if (!isPreview && semver.gte(installed, oldest) && semver.major(installed) <= semver.major(ours)) return;
  throw new UserError(
    `the project's node_modules has ${coreName} ${installed}: versions ${oldest} to 2.9 and 3.0 to ${ours} can be run here`,
    {
      code: "dataform.core",
      exit: "config",
      where: `node_modules/${coreName}`,
      next: `npm install --ignore-scripts --prefix ${dir} ${coreName}@${ours}`,
    },
  );
}
