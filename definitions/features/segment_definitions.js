// includes/segments.js as a table: what each segment is made of, and where that comes from.
const rows = segments.list.flatMap((segment) =>
  segment.from.map((attribute) => {
    const { source, knownAt, origin } = features.feature(attribute);
    return `select ${sql.quoted(segment.name)} as segment, ${segment.version} as segment_version, ${segments.digestOf(segment)} as definition_digest, ${sql.quoted(segments.definitionOf(segment))} as definition, ${sql.quoted(attribute)} as attribute, ${sql.quoted(source)} as attribute_source, ${sql.quoted(origin)} as feature_origin, ${sql.quoted(knownAt)} as attribute_known_at`;
  }),
);

publish("segment_definitions", {
  type: "view",
  schema: "features",
  description:
    "Every segment's definition with the attributes that it is made of, where each comes from, who moves it and when it is known. `inboxloop lineage features.customer_features.<attribute>` leads on to the raw columns. Grain: segment, attribute.",
  columns: docs.columns(
    "segment",
    "segment_version",
    "definition_digest",
    "definition",
    "attribute",
    "attribute_source",
    "feature_origin",
    "attribute_known_at",
  ),
  assertions: { uniqueKey: ["segment", "attribute"], nonNull: ["segment", "definition_digest", "attribute_source"] },
  tags: ["warn"],
}).query(() => rows.join("\nunion all\n"));
