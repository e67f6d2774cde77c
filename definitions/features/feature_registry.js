// includes/feature_registry.js as a table.
const text = (value) => (value === null ? "cast(null as string)" : sql.quoted(value));
const number = (value) => (value === null ? "cast(null as int64)" : String(value));

const rows = feature_registry.list.map(
  (one) =>
    `select ${[
      `${text(one.name)} as feature`,
      `${text(one.type)} as feature_kind`,
      `${number(one.windowDays)} as window_days`,
      `${text(one.layer)} as layer`,
      `${text(one.owner)} as owner`,
      `${text(one.purpose)} as feature_purpose`,
      `${text(one.description)} as feature_description`,
      `${text(one.knownAt)} as feature_known_at`,
      `[${one.from.map(sql.quoted).join(", ")}] as source_columns`,
      `${text(one.feed)} as feed`,
      `${number(one.ttlDays)} as ttl_days`,
      `${text(one.definition)} as definition`,
      `${text(one.version)} as feature_version`,
      `${text(feature_registry.version)} as features_version`,
    ].join(", ")}`,
);

publish("feature_registry", {
  type: "table",
  schema: "features",
  description:
    "Every feature: what it is, what it is for, who answers for it, what it is read off, how it is worked out, and a version that is the digest of that. A description, an owner or a line break changes no version; a window, a condition or a source's time to live does. Grain: feature.",
  columns: docs.columns(
    "feature",
    "feature_kind",
    "window_days",
    "layer",
    "owner",
    "feature_purpose",
    "feature_description",
    "feature_known_at",
    "source_columns",
    "feed",
    "ttl_days",
    "definition",
    "feature_version",
    "features_version",
  ),
  assertions: {
    uniqueKey: ["feature"],
    nonNull: ["feature", "feature_kind", "layer", "owner", "feature_purpose", "feature_version"],
  },
  tags: ["stop"],
}).query(() => rows.join("\nunion all\n"));
