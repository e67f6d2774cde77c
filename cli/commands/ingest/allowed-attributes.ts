import { UserError } from "../../../errors/user-error.ts";
import { type DeclaredAttributes, type Leaf, mostTextLength } from "../../../ingest/door/json-columns.ts";
import type { AttributeDeclarations } from "../../../platform/attribute-declarations.ts";
import { sensitiveKind } from "../../../platform/personal-keys.ts";
import { settingsFile } from "../../../platform/settings.ts";
import { projectDirOf } from "../../dataform-project.ts";
import type { Environment } from "../../environment.ts";

/** The column whose classes of attributes the data policy states. */
const column = { table: "raw.profiles", name: "attributes" };

/**
 * What `attributes` of inboxloop.yaml lets pass the door. A name that tells of something sensitive, or that the data policy calls so, passes only with its class and an
 * approved grant at the stage of collection; else this throws, so that nobody believes it to land.
 */
export async function allowedAttributes(
  world: Environment,
  declared: AttributeDeclarations,
): Promise<DeclaredAttributes> {
  const sources = Object.entries(declared).map(
    ([source, attributes]) =>
      [source, Object.fromEntries(Object.entries(attributes).map(([name, one]) => [name, leafOf(one)]))] as const,
  );
  const names = [...new Set(sources.flatMap(([, attributes]) => Object.keys(attributes)))];
  if (names.length > 0) await refuseSensitive(world, names);
  return Object.fromEntries(sources);
}

function leafOf(declared: AttributeDeclarations[string][string]): Leaf {
  if (typeof declared === "string") return declared;
  return { maxLength: declared.max_length ?? mostTextLength, oneOf: declared.one_of };
}

async function refuseSensitive(world: Environment, names: readonly string[]): Promise<void> {
  const { approvedGrants, dataPolicyOf } = await import("../../data-policy.ts");
  const { matcherOf } = await import("../../../governance/data-policy/column-patterns.ts");
  const { dataPolicyFile } = await import("../../../governance/data-policy/data-policy.ts");
  const stated = await dataPolicyOf(projectDirOf({}, world.cwd));
  const classes = stated?.policy.columns[column.table]?.[column.name];
  const classOf = (name: string) => (typeof classes === "object" && name !== "*" ? classes[name] : undefined);
  const today = world.now().toISOString().slice(0, 10);
  let approved: ReadonlySet<string> | undefined;
  for (const name of names) {
    const kind = sensitiveKind(name);
    const dataClass = classOf(name);
    if (kind === undefined && dataClass !== "sensitive" && dataClass !== "direct_identifier") continue;
    const node = { table: column.table, column: `${column.name}.${name}` };
    const grants = (stated?.policy.grants ?? []).filter(
      ({ of, stages }) => stages.includes("collection") && of.some((pattern) => matcherOf(pattern)(node)),
    );
    approved ??= stated ? await approvedGrants(world, stated) : new Set();
    if (dataClass === "sensitive" && grants.some((one) => one.until >= today && approved?.has(one.name))) continue;
    const waiting = grants.find(({ until }) => until >= today);
    const what = kind ? `its name tells of ${kind}` : `the data policy calls it ${dataClass}`;
    const lacks =
      dataClass !== "sensitive"
        ? "the data policy does not call it sensitive"
        : waiting
          ? `the grant ${waiting.name} has not its signed approvals`
          : "no grant that still holds states a lawful basis for collecting it";
    throw new UserError(`the attribute ${name} may not land: ${what}, and ${lacks}`, {
      code: "attributes.sensitive",
      exit: "config",
      where: `attributes in ${settingsFile}; ${stated?.file ?? dataPolicyFile}`,
      next: waiting
        ? `inboxloop change propose data-policies ${waiting.name}, then somebody else: inboxloop change approve data-policies ${waiting.name}`
        : `take it out, or state its class (${column.table}: ${column.name}: ${name}: sensitive) and a grant (of: [${column.table}.${column.name}."${name}"], stages: [collection])   (docs/reference/attributes.md)`,
    });
  }
}
