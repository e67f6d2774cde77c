import { z } from "zod";
import { activationShape, addressSettings, receiverSettings } from "../../activation/settings.ts";
import { environmentVariables, settingsFile, settingsShape, targetSettings } from "../../platform/settings.ts";

interface JsonSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** docs/reference/settings.md: every setting and variable, from the schemas that check them. */
export function settingsReference(): string {
  const whole = z.toJSONSchema(settingsShape, { io: "input" }) as JsonSchema;
  const targets = z.toJSONSchema(targetSettings, { io: "input" }) as JsonSchema;
  const kinds = targets.oneOf ?? targets.anyOf ?? [];
  const variables = Object.entries(environmentVariables).map(
    ([name, { what, secret }]) => `| \`${name}\` | ${what}${secret ? " Secret." : ""} |`,
  );
  return `# Settings

Generated from \`platform/settings.ts\` by \`npm run codegen\`.

\`${settingsFile}\` is read in the folder where a command is started; without it everything has its default. What is not known is refused with its place.
A command works on one target: \`--target NAME\`, else \`INBOXLOOP_TARGET\`, else \`default_target\`. \`local\` and \`bigquery\` are targets without being written down.

\`\`\`yaml
default_target: local
targets:
  local:
    kind: local
    memory: 4GB
  production:
    kind: bigquery
    project: my-project
    location: EU
    bucket: gs://my-bucket/inboxloop
\`\`\`

## ${settingsFile}

${rowsOf(whole)}

### \`sources\`

By the provider's name, as in \`/hooks/<name>\`, or \`mail\`. Each is \`{ argument: NAME }\`, \`{ tag: BEGINNING }\` or \`{ value: TEXT }\`, or a list of them that is tried in order
(dimensions.md).

${rowsOf((whole.properties?.["sources"] as { additionalProperties?: JsonSchema } | undefined)?.additionalProperties ?? {})}

### \`device_reports\`

By campaign (device-reports.md).

${rowsOf((whole.properties?.["device_reports"] as { additionalProperties?: JsonSchema } | undefined)?.additionalProperties ?? {})}

### \`privacy\`

${rowsOf(whole.properties?.["privacy"] ?? {})}
${kinds.map((kind) => `\n### A target of kind \`${String(kind.properties?.["kind"]?.const)}\`\n\n${kind.description ?? ""}\n\n${rowsOf(kind)}`).join("\n")}

## Variables

| variable | what it is for |
| --- | --- |
${variables.join("\n")}
`;
}

function rowsOf({ properties = {}, required = [] }: JsonSchema): string {
  const rows = Object.entries(properties)
    .filter(([name]) => name !== "kind")
    .map(([name, setting]) => {
      const standard = setting.default === undefined ? "" : `\`${JSON.stringify(setting.default)}\``;
      return `| \`${name}\` | ${setting.description ?? ""} | ${required.includes(name) ? "required" : standard} |`;
    });
  return ["| setting | what it is | default |", "| --- | --- | --- |", ...rows].join("\n");
}

/** docs/reference/activation.md with its tables of settings; the rest of the page is written by hand. */
export function activationReference(page: string): string {
  const whole = z.toJSONSchema(activationShape, { io: "input", unrepresentable: "any" }) as JsonSchema;
  const kindsOf = (shape: z.ZodType) => {
    const { oneOf, anyOf } = z.toJSONSchema(shape, { io: "input", unrepresentable: "any" }) as JsonSchema;
    return oneOf ?? anyOf ?? [];
  };
  const section = (of: string, kinds: readonly JsonSchema[]) =>
    kinds.map(
      (kind) =>
        `**${of} of kind \`${String(kind.properties?.["kind"]?.const)}\`.** ${kind.description ?? ""}\n\n${rowsOf(kind)}`,
    );
  const tables = [
    rowsOf(whole),
    ...section("Addresses", kindsOf(addressSettings)),
    ...section("A receiver", kindsOf(receiverSettings)),
  ].join("\n\n");
  return page.replace(
    /<!-- settings -->[\s\S]*<!-- \/settings -->/,
    () =>
      `<!-- settings -->\nGenerated from \`activation/settings.ts\` by \`npm run codegen\`.\n\n${tables}\n<!-- /settings -->`,
  );
}
