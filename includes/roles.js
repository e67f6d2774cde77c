// Who reads what in BigQuery: the roles of governance/policies.yaml as policy tags and row access policies. Nothing of it is written until vars name tags and
// readers, so the same graph serves a machine of one's own. docs/reference/roles.md says how to set it up.
const classes = require("./column_classes");
const matrix = require("./policy_matrix");

/** Accounts that build tables, land rows, decide and erase: they read every row, without which BigQuery refuses them DML. */
const machineryVar = "readers_machinery";
const tagPattern = /^projects\/[^/\s"]+\/locations\/[^/\s"]+\/taxonomies\/\d+\/policyTags\/\d+$/;
const readerPattern = /^(?:(?:user|group|serviceAccount|domain):|principal(?:Set)?:\/\/)[^\s"'\\,]+$/;

/** Principals of a var, with commas between; none where it is not set. Throws on what names nobody in particular. */
function readersIn(vars, name) {
  const readers = (vars[name] ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  const wrong = readers.find((one) => !readerPattern.test(one));
  if (wrong === undefined) return readers;
  throw new Error(
    `includes/roles.js: "${wrong}" of the var ${name} is no reader; it takes user:, group:, serviceAccount:, domain:, principal:// and principalSet://`,
  );
}

/**
 * What the vars say of tags and readers; null while they say nothing.
 *
 *   stated({ policy_tag_pseudonym: "projects/p/locations/us/taxonomies/1/policyTags/2" })
 *   =>  { tags: { pseudonym: "projects/..." }, machinery: [], roles: [] }
 */
function stated(vars) {
  const tags = {};
  for (const [dataClass, name] of Object.entries(matrix.tagVars)) {
    const tag = vars[name] ?? "";
    if (tag === "") continue;
    if (!tagPattern.test(tag))
      throw new Error(
        `includes/roles.js: the var ${name} is "${tag}" and takes projects/<p>/locations/<l>/taxonomies/<n>/policyTags/<n>`,
      );
    tags[dataClass] = tag;
  }
  const known = [...Object.values(matrix.tagVars), ...Object.values(matrix.roles).map((one) => one.readersVar)];
  const stranger = Object.keys(vars).find(
    (name) => /^(?:policy_tag|readers)_/.test(name) && name !== machineryVar && !known.includes(name),
  );
  if (stranger !== undefined)
    throw new Error(
      `includes/roles.js: there is no class and no role of the var ${stranger}; there is ${known.join(", ")}`,
    );
  const machinery = readersIn(vars, machineryVar);
  const roles = Object.entries(matrix.roles).map(([name, { sees, readersVar }]) => ({
    name,
    sees,
    readers: readersIn(vars, readersVar),
  }));
  const isRead = roles.some(({ readers }) => readers.length > 0);
  if (isRead && machinery.length === 0)
    throw new Error(
      `includes/roles.js: readers are named and ${machineryVar} is not: the accounts that build and land would see no row any more`,
    );
  if (!isRead && machinery.length === 0 && Object.keys(tags).length === 0) return null;
  return { tags, machinery, roles: machinery.length > 0 ? roles : [] };
}

/** The classes of a table that the project makes, by column; undefined for a table of which nothing is known. */
function columnsOf(table) {
  const byClass = classes[table];
  if (byClass === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(byClass).flatMap(([dataClass, names]) => names.map((name) => [name, dataClass])),
  );
}

/** The classes that a raw table holds, those of its JSON's keys among them. */
const classesOfRaw = (table) => [
  ...new Set(
    Object.values(matrix.tables[`raw.${table}`]?.columns ?? { unknown: "sensitive" }).flatMap((one) =>
      typeof one === "string" ? [one] : Object.values(one),
    ),
  ),
];

const grant = (policy, table, readers) =>
  `create or replace row access policy ${policy} on ${table}\ngrant to (${readers.map((one) => `"${one}"`).join(", ")})\nfilter using (true)`;

/**
 * The statements that say who sees the rows of a table. A role sees them where each class in them is one that it sees, or stands behind a tag; otherwise none. Who is in no role
 * sees none.
 *
 *   rowPolicies("`p.features.x`", ["pseudonym"], taggedClasses, stated)
 *   =>  ["create or replace row access policy inboxloop_machinery on ...", "drop row access policy if exists inboxloop_analyst on ..."]
 */
function rowPolicies(table, held, tagged, { machinery, roles }) {
  if (machinery.length === 0) return [];
  return [
    grant("inboxloop_machinery", table, machinery),
    ...roles.map(({ name, sees, readers }) => {
      const policy = `inboxloop_${name.replaceAll("-", "_")}`;
      const mayRead = readers.length > 0 && held.every((one) => sees.includes(one) || tagged.includes(one));
      return mayRead ? grant(policy, table, readers) : `drop row access policy if exists ${policy} on ${table}`;
    }),
  ];
}

/** Gives a table that the project makes its tags, and behind each build its row access policies. `action` is one of Dataform's session. */
function guard(action, said) {
  const { proto } = action;
  const { schema, name } = proto.canonicalTarget;
  if (proto.type !== "table" && proto.type !== "incremental") return;
  // A table of which nothing is known may hold anything.
  const known = columnsOf(`${schema}.${name}`);
  const columns = known ?? {};
  const held = known === undefined ? ["sensitive"] : [...new Set(Object.values(columns))];
  const tagged = Object.entries(columns).filter(([, dataClass]) => dataClass in said.tags);
  if (tagged.length > 0) {
    proto.actionDescriptor ??= {};
    const described = [...(proto.actionDescriptor.columns ?? [])];
    for (const [column, dataClass] of tagged) {
      let found = described.find(({ path }) => path.length === 1 && path[0] === column);
      if (!found) {
        found = { path: [column] };
        described.push(found);
      }
      found.bigqueryPolicyTags = [said.tags[dataClass]];
    }
    proto.actionDescriptor.columns = described;
  }
  const behind = Object.keys(columns).length > 0 ? Object.keys(said.tags) : [];
  if (said.machinery.length > 0) action.postOps((ctx) => rowPolicies(ctx.self(), held, behind, said));
}

module.exports = { stated, guard, rowPolicies, classesOfRaw };
