import { z } from "zod";
import type { IdHasher } from "../door/id-hasher.ts";
import { cleanText } from "../door/metadata.ts";
import type { DeadLetterReason, Item } from "../door/signal.ts";
import { present } from "../sources/webhook.ts";

export interface PlacementContext {
  readonly hashId: IdHasher;
  /** Names the file by its content; seeds without a name of their own are told apart by it. */
  readonly fileId: string;
  /** From 1. */
  readonly rowNumber: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** What the tools that run seed tests call the same thing; compared in lower case, anything but letters and digits left out. */
const names = {
  test: ["seedtestid", "testid", "seedlistingid", "placementtestid", "reportid", "test", "testname"],
  campaign: ["campaignid", "campaign", "campaignname"],
  isp: ["isp", "ispname", "provider", "mailboxprovider", "providername", "host", "domain"],
  region: ["region", "country", "geo"],
  seed: ["seedid", "seed", "seedaddress", "seedemail", "email", "mailbox", "address", "recipientemail"],
  folder: ["folder", "tab", "placement", "deliveredto", "deliveryfolder", "placementstatus", "status", "result"],
  at: [
    "testedat",
    "seenat",
    "receivedtimestamp",
    "timestampcreated",
    "receivedat",
    "timestamp",
    "date",
    "testdate",
    "createdat",
  ],
  sent: ["sent", "total", "seeds", "seedssent", "seedcount", "totalseeds"],
  inbox: ["inbox", "inboxcount", "inboxed", "primary"],
  promotions: ["promotions", "promotionscount", "tabs", "tabbed", "category", "categorycount", "othertabs"],
  spam: ["spam", "spamcount", "junk", "bulk"],
  missing: ["missing", "missingcount", "missed", "notdelivered", "notreceived"],
} as const;

/** Where a seed says that it found the mail, in the words of tools and of mailboxes. */
const folders: Readonly<Record<string, string>> = {
  inbox: "inbox",
  primary: "inbox",
  focused: "inbox",
  promotions: "promotions",
  promotion: "promotions",
  updates: "promotions",
  social: "promotions",
  forums: "promotions",
  tab: "promotions",
  tabs: "promotions",
  category: "promotions",
  spam: "spam",
  junk: "spam",
  junkemail: "spam",
  bulk: "spam",
  bulkmail: "spam",
  missing: "missing",
  missed: "missing",
  notreceived: "missing",
  notdelivered: "missing",
};
/** A test that is still running says nothing yet. */
const unsettled = new Set(["waiting", "pending", "inprogress", "queued"]);

const bare = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, "");

const refuse = (reason: DeadLetterReason, detail: string): Item => ({ kind: "dead-letter", reason, detail });

/** The documents that Mailgun Optimize gives for a seed list: https://documentation.mailgun.com/docs/inboxready/inbox-placement-ir */
const optimize = z.looseObject({
  kid: z.string(),
  last_result_at: z.string().nullish(),
  delivery_stats: z.record(
    z.string(),
    z.looseObject({
      inbox: z.number().int(),
      spam: z.number().int(),
      missing: z.number().int(),
      pending: z.number().int().nullish(),
      total: z.number().int(),
    }),
  ),
});

/**
 * One record of seed results as rows of raw.seed_tests (counts of a test at a mailbox provider) or as inbox_placement events (what one
 * seed saw), by the columns that it has. A folder's word that nobody listed, a count that is none, or counts that add up to more
 * than was sent are dead letters. Never throws.
 */
export function decodePlacement(value: unknown, context: PlacementContext): readonly Item[] {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return [refuse("wrong-type", "the record is not an object")];
  const list = optimize.safeParse(value);
  if (list.success) return ofOptimize(list.data, context);
  const read = reader(value as Fields);
  const folder = read("folder") ?? folderOfFlags(value as Fields);
  if (folder !== undefined && read("inbox") === undefined) return [ofSeed(read, folder, context)];
  return [ofTest(read)];
}

/** Instantly says it in two flags: https://developer.instantly.ai/api-reference/schemas/inbox-placement-analytics */
function folderOfFlags(fields: Fields): string | undefined {
  const { is_spam: isSpam, has_category: hasCategory } = fields;
  if (typeof isSpam !== "boolean") return undefined;
  if (isSpam) return "spam";
  return hasCategory === true ? "category" : "inbox";
}

type Reader = (name: keyof typeof names) => string | undefined;

function reader(fields: Fields): Reader {
  const byName = new Map<string, string>();
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined || value === "" || typeof value === "object") continue;
    byName.set(bare(name), String(value).trim());
  }
  return (name) => names[name].map((alias) => byName.get(alias)).find((value) => value !== undefined && value !== "");
}

function ofSeed(read: Reader, word: string, { hashId, fileId, rowNumber }: PlacementContext): Item {
  const said = bare(word);
  if (unsettled.has(said)) return refuse("not-a-signal", `the seed is still waited for: ${said}`);
  const folder = Object.hasOwn(folders, said) ? folders[said] : undefined;
  if (!folder) return refuse("wrong-type", `folder: "${cleanText(word).slice(0, 60)}" is none that we know`);
  const test = read("test");
  if (test === undefined) return refuse("missing-field", "seed_test_id");
  const seed = read("seed");
  return {
    kind: "signal",
    signal: {
      eventType: "inbox_placement",
      campaignId: read("campaign"),
      occurredAt: instantOf(read("at")),
      provenance: "seeds",
      metadata: present({
        provider: "seeds",
        provider_event: said,
        folder,
        // An address of a seed is an address: it becomes an id like any other.
        seed_id: seed === undefined ? `row:${fileId.slice(0, 12)}:${rowNumber}` : hashId(seed),
        seed_test_id: test,
        isp: (read("isp") ?? seed?.split("@")[1])?.toLowerCase(),
        region: read("region"),
      }),
    },
  };
}

/** Tools print an instant as ISO 8601, or as seconds or milliseconds since the epoch. */
const instantOf = (text: string | undefined): string | number | undefined =>
  text !== undefined && /^\d{9,16}$/.test(text) ? Number(text) : text;

const counted = ["sent", "inbox", "promotions", "spam", "missing"] as const;

function ofTest(read: Reader): Item {
  const counts: Partial<Record<(typeof counted)[number], number>> = {};
  for (const name of counted) {
    const text = read(name);
    if (text === undefined) continue;
    if (!/^\d{1,9}(?:\.0+)?$/.test(text)) return refuse("wrong-type", `${name} is no count`);
    counts[name] = Number(text);
  }
  const [test, isp, at] = [read("test"), read("isp"), read("at")];
  if (test === undefined) return refuse("missing-field", "seed_test_id");
  if (isp === undefined) return refuse("missing-field", "isp");
  if (at === undefined) return refuse("missing-field", "tested_at");
  if (counts.inbox === undefined) return refuse("missing-field", "inbox, or folder");
  return row({
    seed_test_id: test,
    campaign_id: read("campaign"),
    isp: isp.toLowerCase(),
    region: read("region"),
    tested_at: instantOf(at),
    ...counts,
  });
}

function row(values: Fields & { readonly inbox?: number }): Item {
  const of = (name: string): number => (values[name] as number | undefined) ?? 0;
  const found = of("inbox") + of("promotions") + of("spam") + of("missing");
  const sent = (values["sent"] as number | undefined) ?? found;
  if (found > sent) return refuse("wrong-type", `${found} seeds are accounted for and ${sent} were sent`);
  return { kind: "row", table: "seed_tests", values: { promotions: 0, spam: 0, missing: 0, ...values, sent } };
}

/** One row a mailbox provider; the sum over all of them is only a sum. */
function ofOptimize(list: z.output<typeof optimize>, _context: PlacementContext): readonly Item[] {
  const stats = Object.entries(list.delivery_stats).filter(([name, { total }]) => name !== "all" && total > 0);
  if (stats.length === 0) return [refuse("not-a-signal", "the seed list has no result yet")];
  return stats.map(([isp, { inbox, spam, missing, total }]) =>
    row({
      seed_test_id: list.kid,
      isp: isp.toLowerCase(),
      tested_at: list.last_result_at ?? undefined,
      sent: total,
      inbox,
      spam,
      missing,
    }),
  );
}
