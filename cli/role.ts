import { UserError } from "../errors/user-error.ts";
import { type DataClass, type DataPolicy, dataClasses } from "../governance/data-policy/data-policy.ts";
import { dataPolicyOf, type StatedPolicy } from "./data-policy.ts";
import { projectDirOf } from "./dataform-project.ts";
import type { Environment } from "./environment.ts";

/** In which role somebody reads, and what they see in it as it is. */
export interface ReadingRole {
  readonly name: string;
  readonly sees: readonly DataClass[];
  readonly stated: StatedPolicy;
}

/**
 * `--role`, else INBOXLOOP_ROLE, else the target's. Undefined where nobody names one: then everything is shown. One that sees a class which the target's role
 * does not see is refused.
 */
export async function roleOf(
  world: Environment,
  asked: string | undefined,
  projectDir = projectDirOf({}, world.cwd),
): Promise<ReadingRole | undefined> {
  const { target } = world;
  const name = (asked ?? world.settings["INBOXLOOP_ROLE"]) || target.role;
  if (!name) return undefined;
  const stated = await dataPolicyOf(projectDir);
  const roles = stated?.policy.roles as DataPolicy["roles"] | undefined;
  const known = Object.keys(roles ?? {});
  const named = (one: string): ReadingRole => {
    const role = roles?.[one];
    if (stated && role) return { name: one, sees: role.sees, stated };
    throw new UserError(`there is no role "${one}"`, {
      code: "role.unknown",
      exit: "usage",
      where: stated ? `roles in ${stated.file}` : `${projectDir} states no data policy`,
      next: known.length > 0 ? `--role ${known.join(" | ")}` : "docs/reference/roles.md says how roles are stated",
    });
  };
  const role = named(name);
  const least = target.role === undefined ? role : named(target.role);
  const more = role.sees.filter((one) => !least.sees.includes(one));
  if (more.length === 0) return role;
  throw new UserError(
    `the role ${name} sees ${more.join(", ")}, which ${least.name}, the role of this target, does not`,
    {
      code: "role.wider",
      exit: "check",
      where: `targets.${target.name}.role in inboxloop.yaml`,
      next: "leave --role and INBOXLOOP_ROLE out, or name a role that sees less",
    },
  );
}

/** Refuses what shows the rows of one person to a role that does not see all of these classes. */
export async function refuseUnseen(
  world: Environment,
  asked: string | undefined,
  what: string,
  needed: readonly DataClass[] = dataClasses,
): Promise<void> {
  const role = await roleOf(world, asked);
  const unseen = needed.filter((one) => role && !role.sees.includes(one));
  if (!role || unseen.length === 0) return;
  const others = Object.entries(role.stated.policy.roles).filter(([, { sees }]) =>
    needed.every((one) => sees.includes(one)),
  );
  throw new UserError(`${what} shows ${unseen.join(", ")}, which the role ${role.name} does not see`, {
    code: "role.unseen",
    exit: "check",
    where: `roles in ${role.stated.file}`,
    next: others.length > 0 ? `ask ${others.map(([name]) => name).join(" or ")}` : "no role sees all of it",
  });
}
