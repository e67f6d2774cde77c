interface RegisteredFeature {
  readonly name: string;
  readonly type: string;
  readonly windowDays: number | null;
  readonly layer: string;
  readonly owner: string;
  readonly purpose: string;
  readonly description: string;
  readonly from: readonly string[];
  readonly feed: string | null;
  readonly ttlDays: number | null;
  readonly version: string;
}

interface Feed {
  readonly name: string;
  readonly owner: string;
  readonly what: string;
  readonly ttlDays: number;
}

const cell = (value: string | number | null): string => (value === null ? "" : String(value).replaceAll("|", "\\|"));
const table = (head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string =>
  [
    `| ${head.join(" | ")} |`,
    `| ${head.map(() => "---").join(" | ")} |`,
    ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
  ].join("\n");

/** docs/reference/features.md: every feature by layer, with its version, and the sources by which features age. */
export function featureReference(
  registry: {
    readonly layers: readonly string[];
    readonly list: readonly RegisteredFeature[];
    readonly version: string;
  },
  feeds: readonly Feed[],
): string {
  const layers = registry.layers.map((layer) =>
    [
      `## ${layer}`,
      "",
      table(
        ["feature", "type", "what it is", "what for", "owner", "window, days", "source", "version"],
        registry.list
          .filter((one) => one.layer === layer)
          .map((one) => [
            `\`${one.name}\``,
            one.type,
            one.description,
            one.purpose,
            one.owner,
            one.windowDays,
            one.feed ?? (one.ttlDays === null ? null : `own window, ${one.ttlDays} days`),
            `\`${one.version}\``,
          ]),
      ),
      "",
    ].join("\n"),
  );
  return `# Features

Generated from \`includes/feature_registry.js\` by \`npm run codegen\`; the same as a table, with each definition and its source columns:
\`inboxloop query "select * from features.feature_registry"\`. All together are version \`${registry.version}\`.

A version is the digest of how a feature is worked out: a window, a condition or a time to live changes it; a description, an owner or the
layout of the text does not. Snapshots and models record the versions that they were made with.

## Sources

A feature is missing (NULL) in training and in serving alike once its source has been silent for longer than this, by the days of the data and
not of the build; \`features.feed_ages\` says how long each had been. A feature without a source is a fact of the send or of the profile, or
something that is not to be forgotten.

${table(
  ["source", "what it brings", "owner", "days of silence"],
  feeds.map(({ name, what, owner, ttlDays }) => [name, what, owner, ttlDays]),
)}

${layers.join("\n")}`;
}
