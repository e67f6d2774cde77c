// The segments, once: a name has one definition, a version, and says which features it is made of.
const registry = require("./feature_registry");
const { quoted } = require("./sql");

/** `when` is a condition on a row of features.customer_features. */
const list = [
  {
    name: "recent_engagers",
    version: 1,
    description: "Opened or clicked within the last 30 days, machines left out.",
    when: "opens_30d + clicks_30d > 0",
    from: ["opens_30d", "clicks_30d"],
  },
  {
    name: "opens_never_clicks",
    version: 1,
    description: "Opened at least three times within the last 90 days and clicked on nothing, machines left out.",
    when: "opens_90d >= 3 and clicks_90d = 0",
    from: ["opens_90d", "clicks_90d"],
  },
  {
    name: "fatigued",
    version: 1,
    description: "Was sent at least eight e-mails within 30 days and neither opened nor clicked, machines left out.",
    when: "sends_30d >= 8 and opens_30d + clicks_30d = 0",
    from: ["sends_30d", "opens_30d", "clicks_30d"],
  },
];

/** The segment of that name. Throws on a name that is not a segment. */
const segment = (name) => {
  const found = list.find((one) => one.name === name);
  if (!found) throw new Error(`includes/segments.js: unknown segment "${name}"`);
  return found;
};

for (const { name, from } of list) {
  if (!Array.isArray(from) || from.length === 0)
    throw new Error(`includes/segments.js: ${name} says not what it is made of`);
  for (const attribute of from) registry.entry(attribute);
}

/**
 * What makes members of a segment, as text: its condition, and the features in it with the versions of how those are worked out. Another
 * text is another segment, whatever the version number says.
 */
const definitionOf = ({ when, from }) =>
  `${when} | ${[...from]
    .sort()
    .map((name) => `${name}=${registry.entry(name).version}`)
    .join(",")}`;

/**
 * The digest of a segment's definition, as SQL.
 *
 *   digestOf(segment("fatigued"))  =>  substr(to_hex(sha256('...')), 1, 16)
 */
const digestOf = (one) => `substr(to_hex(sha256(${quoted(definitionOf(one))})), 1, 16)`;

module.exports = { list, segment, definitionOf, digestOf };
