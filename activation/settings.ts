import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "../errors/user-error.ts";

/** The file's name, looked for where a command is started. */
export const activationFile = "activation.yaml";

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, "a lower-case word");
const variable = z.string().regex(/^[A-Z][A-Z0-9_]*$/, "the name of an environment variable");
const text = z.string().min(1);

/** https anywhere; http only to this machine. */
export function isSafeUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname));
}
const url = z
  .string()
  .refine(isSafeUrl, "an https address without a password in it; http only to this machine (127.0.0.1)");

const limits = {
  rate_per_second: z.number().positive().max(10_000).default(10).describe("Mails a second, at most."),
  concurrency: z.int().min(1).max(256).default(4).describe("Requests under way at once."),
  timeout_seconds: z.number().positive().max(600).default(30).describe("How long one request may take."),
  attempts: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe("Attempts of a mail, over all runs, before it is a dead letter."),
  first_wait_seconds: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Longest wait before the second attempt; it doubles from there."),
  longest_wait_seconds: z.number().nonnegative().default(60).describe("Where the doubling ends."),
  stop_after: z
    .int()
    .min(1)
    .default(20)
    .describe("Mails in a row that were not taken, after which the run stops and leaves the rest as they are."),
};
const sender = z
  .string()
  .regex(/^[^\r\n<>@]*<[^\s<>@]+@[^\s<>@]+>$|^[^\s<>@]+@[^\s<>@]+$/, 'an address, or "Name <address>"');
const templates = z
  .record(z.string(), text)
  .describe(
    "The service's own id of a template, by `<variant>` or `<campaign>/<variant>`; the second goes before the first.",
  );
const mailService = {
  from: sender.describe("Who the mail is from."),
  reply_to: sender.optional().describe("Where answers go."),
  templates,
  when_in_doubt: z
    .enum(["hold", "send_again"])
    .default("hold")
    .describe("A mail whose request nobody answered: kept back until an event names it, or sent again, perhaps twice."),
};

const ses = z
  .strictObject({
    kind: z.literal("ses"),
    region: text.describe("Region of Amazon SES."),
    ...mailService,
    configuration_set: text
      .optional()
      .describe("Configuration set, whose event publishing brings the mail's tags back."),
    access_key_env: variable
      .optional()
      .describe("Variable of the access key's id. Without it the SDK looks where it always does (environment, role)."),
    secret_key_env: variable.optional().describe("Variable of the secret access key."),
    session_token_env: variable.optional().describe("Variable of the session token."),
    endpoint: url.optional().describe("Another address than Amazon's, for tests."),
    ...limits,
  })
  .describe("Amazon SES, API v2: SendEmail with a template, by `@aws-sdk/client-sesv2`.");

const sendgrid = z
  .strictObject({
    kind: z.literal("sendgrid"),
    api_key_env: variable.default("SENDGRID_API_KEY").describe("Variable of the API key."),
    ...mailService,
    unsubscribe_group: z.int().optional().describe("`asm.group_id`."),
    endpoint: url
      .default("https://api.sendgrid.com")
      .describe("`https://api.eu.sendgrid.com` for a subuser of the EU; another address for tests."),
    ...limits,
  })
  .describe("Twilio SendGrid, `POST /v3/mail/send` with a dynamic template.");

const webhook = z
  .strictObject({
    kind: z.literal("webhook"),
    url: url.describe("Where each mail is posted to."),
    secret_env: variable.describe("Variable of the signing secret: `whsec_` and base64 of 24 to 64 bytes."),
    templates: templates.optional(),
    counts_as_sent: z.boolean().default(true).describe("Whether a mail that it took counts as sent."),
    ...limits,
  })
  .describe("Your own service: JSON, signed as Standard Webhooks say. It takes one `webhook-id` once.");

const file = z
  .strictObject({
    kind: z.literal("file"),
    folder: text.describe("A folder, or `gs://bucket/prefix`. Never inside of the home."),
    format: z.enum(["csv", "ndjson"]).default("csv").describe("Of the files."),
    templates: templates.optional(),
    counts_as_sent: z
      .boolean()
      .default(false)
      .describe("Whether a mail that stands in a file counts as sent; otherwise whoever sends it says so."),
    rows: z.int().min(1).max(100_000).default(5_000).describe("Mails in one file, at most."),
    attempts: limits.attempts,
  })
  .describe("Files for whoever takes them from there, each whole under its name or not there.");

export const receiverSettings = z.discriminatedUnion("kind", [ses, sendgrid, webhook, file]);
export type ReceiverSettings = z.infer<typeof receiverSettings>;

const addressFile = z
  .strictObject({
    kind: z.literal("file"),
    path: text.describe(
      "CSV with a header, or NDJSON (`.ndjson`, `.jsonl`), with `id`, `address` and perhaps `name`. Without `id` the address is the id. Read anew for every page of mails.",
    ),
  })
  .describe("Your file.");
const addressService = z
  .strictObject({
    kind: z.literal("http"),
    url: url.describe(
      'Gets `POST {"ids": [...]}` and answers `{"addresses": [{"id", "address", "name"}]}`; ids as in raw.events. Redirects are refused.',
    ),
    token_env: variable.optional().describe("Variable of a bearer token."),
    timeout_seconds: z.number().positive().max(600).default(10).describe("How long one answer may take."),
    max_bytes: z.int().min(1024).default(4_194_304).describe("How large one answer may be."),
    ids_per_call: z.int().min(1).max(10_000).default(500).describe("People asked for at once."),
  })
  .describe("Your service.");
export const addressSettings = z.discriminatedUnion("kind", [addressFile, addressService]);
export type AddressSettings = z.infer<typeof addressSettings>;

export const activationShape = z.strictObject({
  schema: z.literal("1").describe("Of this file."),
  addresses: addressSettings.describe("Where addresses are looked up. They are never kept."),
  expire_hours: z
    .number()
    .positive()
    .max(24 * 30)
    .default(24)
    .describe("A mail whose time was longer ago than this is withheld."),
  unsubscribe_base: z
    .string()
    .refine((value) => isSafeUrl(value) && !/[?#]/.test(value), "an https address")
    .optional()
    .describe(
      "Address of your collector: mails to SES and SendGrid get List-Unsubscribe with one click (RFC 8058), others the link.",
    ),
  receivers: z.record(name, receiverSettings).describe("Receivers by name, for `--to`."),
});
export type ActivationSettings = z.infer<typeof activationShape>;

const invalid = (where: string, what: string, cause?: unknown): UserError =>
  new UserError(`the settings of hand-overs cannot be used: ${what}`, {
    code: "activation.settings",
    exit: "config",
    where,
    next: "docs/reference/activation.md has an example of every receiver",
    cause,
  });

/** Reads activation.yaml. */
export async function readActivation(path: string): Promise<ActivationSettings> {
  const content = await readFile(path, "utf8").catch((cause: Error) => {
    throw invalid(path, "the file cannot be read", cause);
  });
  return parseActivation(content, path);
}

export function parseActivation(content: string, where: string): ActivationSettings {
  let data: unknown;
  try {
    data = parse(content);
  } catch (cause) {
    throw invalid(where, cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause), cause);
  }
  const parsed = activationShape.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`${where} at ${issue?.path.join(".") || "the top"}`, issue?.message ?? "");
}

/** The receiver of that name. */
export function receiverNamed(settings: ActivationSettings, wanted: string, where: string): ReceiverSettings {
  const found = Object.hasOwn(settings.receivers, wanted) ? settings.receivers[wanted] : undefined;
  if (found) return found;
  throw new UserError(`there is no receiver "${wanted}"`, {
    code: "activation.no-receiver",
    exit: "usage",
    where,
    next: `--to ${Object.keys(settings.receivers).join(" | ") || "<name>, once it stands under receivers"}`,
  });
}

/** A secret from the variable that the settings name. */
export function secretFrom(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = env[name]?.trim();
  if (value) return value;
  throw new UserError(`the settings name ${name}, and it is not set`, {
    code: "activation.secret",
    exit: "config",
    where: name,
    next: `export ${name}=...`,
  });
}

/** The template of a variant; undefined where there is none. */
export const templateOf = (
  templates: Readonly<Record<string, string>> | undefined,
  campaignId: string,
  variant: string,
): string | undefined => {
  const own = (key: string) => (templates && Object.hasOwn(templates, key) ? templates[key] : undefined);
  return own(`${campaignId}/${variant}`) ?? own(variant);
};
