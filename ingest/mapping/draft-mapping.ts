import { Document, isNode } from "yaml";
import { type DraftedTime, draftTime } from "./draft-times.ts";
import { eventWord } from "./event-words.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The first records of a file. */
export interface Sample {
  readonly fileName: string;
  readonly records: readonly Fields[];
}

/** What a draft could not find out, and what to do about it. */
export interface Doubt {
  /** Where it stands in the mapping: `rows.0.set.user_id`. */
  readonly where: string;
  readonly why: string;
}

export interface DraftedMapping {
  /** The mapping as YAML, its doubts as comments where they stand. */
  readonly text: string;
  readonly doubts: readonly Doubt[];
  /** Columns that nothing is made of. */
  readonly unused: readonly string[];
}

/** Names that exports have for what we ask of a record, letters and digits alone, the surest first. */
const namesOf = {
  user_id: [
    /^(recipient)?e?mail(address)?$/,
    /^recipient(email|address)?$/,
    /^(to|subscriber|contact|customer|member|user|profile|person|lead)(email|emailaddress|address)$/,
    /^(subscriber|contact|customer|user|client|person|profile|lead|member|visitor)_?(id|key|uuid|guid|hash)$/,
    /^(subscriber|contact|customer|user|profile|lead|member|to|uid)$/,
  ],
  event_id: [/^(event|activity|log|row|record)(id|uuid|guid)$/, /^(guid|uuid|sgeventid)$/, /^id$/],
  message_id: [/^(message|msg|smtp|mail|emailsend|send|sent|delivery|tracking|transmission)(id|uuid|guid|by)?$/],
  campaign_id: [
    /^(campaign|mailing|newsletter|blast|broadcast|job|bulkmail|emailcampaign|batch)_?(id|uuid|key)$/,
    /^(campaign|mailing|newsletter|blast|broadcast)(name|title)?$/,
    /^(email|template)(id|name)$/,
  ],
  url: [/^(click(ed)?)?(url|link|linkurl|linkclicked|targeturl|href)$/],
  user_agent: [/^(user)?agent(string)?$/, /^browser$/],
  ip_prefix: [/^(ip|ipaddress|clientip|remoteip)$/],
  diagnostic: [/^(smtp)?(response|diagnostic(code)?|reply)$/, /^(bounce)?(reason|message|description|details?)$/],
  revenue: [/^(order)?(revenue|value|amount|total|price|ordertotal)$/],
  currency: [/^currency(code)?$/],
} as const;
type Role = keyof typeof namesOf;

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");
const isAddress = (value: string): boolean => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value);
const textOf = (value: unknown): string => (value === null || value === undefined ? "" : String(value).trim());

class Columns {
  readonly names: readonly string[];
  readonly #records: readonly Fields[];
  readonly #taken = new Set<string>();

  constructor(records: readonly Fields[]) {
    this.#records = records;
    this.names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  }

  /** What stands in a column, the empty left out. */
  valuesOf(name: string): readonly string[] {
    return this.#records.map((record) => textOf(record[name])).filter((text) => text !== "");
  }

  /** Share of a column's values of which something holds; 0 for an empty one. */
  share(name: string, holds: (value: string) => boolean): number {
    const values = this.valuesOf(name);
    return values.length === 0 ? 0 : values.filter(holds).length / values.length;
  }

  isThroughout(name: string): boolean {
    return this.#records.every((record) => name in record);
  }

  take(name: string): string {
    this.#taken.add(name);
    return name;
  }

  free(): readonly string[] {
    return this.names.filter((name) => !this.#taken.has(name));
  }

  /** The free column whose name fits a role best and whose values do not speak against it. */
  named(role: Role, fits: (name: string) => boolean = () => true): string | undefined {
    for (const pattern of namesOf[role]) {
      const found = this.free().find((name) => pattern.test(plain(name)) && fits(name));
      if (found !== undefined) return this.take(found);
    }
    return undefined;
  }
}

/**
 * Proposes a mapping from a file's header and first records: what is told by names is checked against values, what values leave open is a doubt that
 * stands beside it. What could be read in two ways (day and month, the zone of a time) is never settled by a guess.
 */
export function draftMapping({ fileName, records }: Sample): DraftedMapping {
  const columns = new Columns(records);
  const doubts: Doubt[] = [];
  const doubt = (where: string, why: string): void => void doubts.push({ where, why });
  const event = eventColumn(columns);
  const times = timeColumns(columns);
  const user = userColumn(columns);
  const ids = {
    event: columns.named("event_id", (name) => new Set(columns.valuesOf(name)).size === columns.valuesOf(name).length),
    message: columns.named("message_id"),
    campaign: columns.named("campaign_id"),
  };
  const zones = new Set<string>();
  const timeOf = (where: string, [name, time]: readonly [string, DraftedTime]) => {
    if (time.needsZone) zones.add(name);
    if (time.isUnseen)
      doubt(where, `"${name}" is empty in the first records: its times are taken to be written like the others`);
    if (time.isOpen)
      doubt(
        where,
        `day and month of "${name}" may stand either way; say which: format: "${time.isOpen.join('" or format: "')}"`,
      );
    const optional = columns.isThroughout(name) ? {} : { optional: true };
    return {
      column: columns.take(name),
      cast: "instant",
      ...(time.format ? { format: time.format } : {}),
      ...optional,
    };
  };
  const common = (index: number, isAlone = true) => {
    const at = `rows.${index}.set`;
    const message = messageOf(ids, user, `${at}.message_id`, doubt);
    if (user === undefined) doubt(`${at}.user_id`, "no column names a person: of nobody nothing is learned");
    return {
      // Several events of one record would have one id.
      ...(ids.event === undefined || !isAlone ? {} : { event_id: ref(columns, ids.event) }),
      ...(user === undefined ? {} : { user_id: ref(columns, user) }),
      ...(message === undefined ? {} : { message_id: message }),
      ...(ids.campaign === undefined ? {} : { campaign_id: ref(columns, ids.campaign) }),
    };
  };
  const provenance = `export/${plain(fileName.replace(/\..*$/, "")) || "file"}`;
  const details = metadataOf(columns, doubt);
  const rows: object[] = [];
  const wide = event === undefined ? wideTimes(columns, times) : [];
  if (event !== undefined) {
    const time = bestTime(times);
    if (time === undefined) doubt("rows.0.set.timestamp_utc", "no column says when it happened");
    const { values, unknown } = translated(columns, event);
    const named = (list: readonly string[]) => list.map((value) => `"${value}"`).join(", ");
    if (unknown.length > 0) doubt("rows.0.when", `no event of ours, and left out: ${named(unknown)}`);
    for (const type of new Set(Object.values(values).map((word) => word.type))) {
      const alike = Object.keys(values).filter((value) => values[value]!.type === type && !values[value]!.bounce);
      if (alike.length > 1) doubt("rows.0.set.event_type", `${named(alike)} are all taken for ${type}`);
    }
    const classOf: object | undefined = details["class"];
    const classes = Object.entries(values).filter(([, word]) => word.bounce !== undefined);
    for (const [value, { isUnsure, type }] of Object.entries(values))
      if (isUnsure) doubt("rows.0.set.event_type", `"${value}" is taken for ${type}`);
    rows.push({
      table: "events",
      // What the first records do not show is no reason to drop it: a value that is not listed is a dead letter.
      ...(unknown.length === 0 ? {} : { when: { not: { column: event, in: unknown } } }),
      set: {
        event_type: {
          column: event,
          values: Object.fromEntries(Object.entries(values).map(([value, { type }]) => [value, type])),
        },
        ...common(0),
        ...(time === undefined ? {} : { timestamp_utc: timeOf("rows.0.set.timestamp_utc", time) }),
        provenance,
        ...metadata(
          classes.length === 0
            ? details
            : {
                ...details,
                class: {
                  first: [
                    {
                      column: event,
                      values: Object.fromEntries(classes.map(([value, { bounce }]) => [value, bounce])),
                      otherwise: null,
                    },
                    ...(classOf === undefined ? [] : [classOf]),
                  ],
                },
              },
        ),
      },
    });
  } else if (wide.length > 0) {
    for (const [index, [name, time, type]] of wide.entries())
      rows.push({
        table: "events",
        when: { column: name, present: true, ...(columns.isThroughout(name) ? {} : { optional: true }) },
        set: {
          event_type: type,
          ...common(index, wide.length === 1),
          timestamp_utc: timeOf(`rows.${index}.set.timestamp_utc`, [name, time]),
          provenance,
          ...metadata(details),
        },
      });
  } else {
    const word = fileName
      .split(/[^A-Za-z]+/)
      .map((part) => eventWord(part))
      .find((found) => found !== undefined);
    const time = bestTime(times);
    if (word !== undefined && time !== undefined) {
      doubt("rows.0.set.event_type", `no column says what happened: by the file's name it is ${word.type}`);
      rows.push({
        table: "events",
        set: {
          event_type: word.type,
          ...common(0),
          timestamp_utc: timeOf("rows.0.set.timestamp_utc", time),
          provenance,
          ...metadata(details),
        },
      });
    } else {
      doubt("rows.0", "nothing here says what happened and when: taken for a list of people");
      if (user === undefined) doubt("rows.0.set.user_id", "no column names a person");
      rows.push({ table: "profiles", set: { user_id: user === undefined ? null : ref(columns, user) } });
    }
  }
  if (zones.size > 0)
    doubt(
      "zone",
      `times of ${[...zones].map((name) => `"${name}"`).join(", ")} name no zone: say whose clock it was, America/Chicago or UTC`,
    );
  return { text: written({ version: 1, rows }, doubts), doubts, unused: columns.free() };
}

const metadata = (object: Readonly<Record<string, object>>) =>
  Object.keys(object).length === 0 ? {} : { metadata: { object } };

const ref = (columns: Columns, name: string) => ({
  column: name,
  ...(columns.isThroughout(name) ? {} : { optional: true }),
});

/** Who: the column of addresses; without one, the one that is named like an id of a person. */
function userColumn(columns: Columns): string | undefined {
  const isOurs = (name: string) => /from|sender|reply|own|admin|cc$/.test(plain(name));
  const addresses = columns.free().filter((name) => !isOurs(name) && columns.share(name, isAddress) >= 0.8);
  const [first] = [...addresses].sort(
    (a, b) =>
      Number(namesOf.user_id.some((one) => one.test(plain(b)))) -
      Number(namesOf.user_id.some((one) => one.test(plain(a)))),
  );
  return first === undefined ? columns.named("user_id") : columns.take(first);
}

/** What happened: the column of few values most of which are words for events. */
function eventColumn(columns: Columns): string | undefined {
  const found = columns.names
    .map((name) => ({ name, share: columns.share(name, (value) => eventWord(value) !== undefined) }))
    .filter(({ name, share }) => share >= 0.5 && new Set(columns.valuesOf(name)).size <= 60)
    .sort((a, b) => b.share - a.share)[0]?.name;
  return found === undefined ? undefined : columns.take(found);
}

function translated(columns: Columns, name: string) {
  const values: Record<string, NonNullable<ReturnType<typeof eventWord>>> = {};
  const unknown: string[] = [];
  for (const value of [...new Set(columns.valuesOf(name))].sort()) {
    const word = eventWord(value);
    if (word === undefined) unknown.push(value);
    else values[value] = word;
  }
  return { values, unknown };
}

const timeColumns = (columns: Columns): readonly (readonly [string, DraftedTime])[] =>
  columns.free().flatMap((name) => {
    const time = draftTime(columns.valuesOf(name), /time|date|(^|_)at$|created|occurred|stamp|when/i.test(name));
    return time === undefined ? [] : [[name, time] as const];
  });

/** When: the column named most like the time of an event; loaders' own times come last. */
function bestTime(times: readonly (readonly [string, DraftedTime])[]) {
  const rank = (name: string): number => {
    const said = plain(name);
    if (/synced|load|insert|import|updated|modified|extracted|birth|signup/.test(said)) return 3;
    if (/^(event|activity|occurred|action)?(timestamp|time|datetime|date|at)(utc)?$|^occurred|^eventdate/.test(said))
      return 0;
    return /created|happened|logged/.test(said) ? 1 : 2;
  };
  return [...times].sort(([a], [b]) => rank(a) - rank(b))[0];
}

/** A column for each kind of event, with the time in it: `sent_at`, `Open Time`, `last_click`; also those that are empty in the first records. */
function wideTimes(columns: Columns, times: readonly (readonly [string, DraftedTime])[]) {
  const found = times.flatMap(([name, time]) => {
    const word = eventOfTime(name);
    return word === undefined ? [] : [[name, time, word.type] as const];
  });
  if (found.length === 0) return [];
  const empty = columns
    .free()
    .filter((name) => columns.valuesOf(name).length === 0 && saysTime.test(name))
    .flatMap((name) => {
      const word = eventOfTime(name);
      return word === undefined ? [] : [[name, { ...found[0]![1], isUnseen: true }, word.type] as const];
    });
  return [...found, ...empty];
}

const saysTime = /time|date|stamp|(?:^|[_\s-])(?:at|on)$|(?:At|On)$/i;

const eventOfTime = (name: string) =>
  eventWord(
    name
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .replace(/(?<![a-z])(first|last|date|time|stamp|timestamp|at|on|utc)(?![a-z])/gi, "")
      .replace(/[_\s-]+/g, " "),
  );

function messageOf(
  { message, campaign }: { readonly message: string | undefined; readonly campaign: string | undefined },
  user: string | undefined,
  where: string,
  doubt: (where: string, why: string) => void,
): object | undefined {
  if (message !== undefined) {
    doubt(where, `"${message}" has to name one mail to one person, not a mailing`);
    return { column: message };
  }
  if (campaign === undefined || user === undefined) {
    doubt(where, "no column names the mail: signals without one belong to no message");
    return undefined;
  }
  doubt(where, "no column names the mail: a campaign's mail to a person is taken for one");
  return { text: `{${campaign}}:{${user}}` };
}

function metadataOf(columns: Columns, doubt: (where: string, why: string) => void): Record<string, object> {
  const found: Record<string, object> = {};
  const put = (key: "url" | "user_agent" | "ip_prefix", name: string | undefined): void => {
    if (name !== undefined) found[key] = { column: name, optional: true };
  };
  put("url", columns.named("url"));
  put("user_agent", columns.named("user_agent"));
  put("ip_prefix", columns.named("ip_prefix"));
  const said = columns.named("diagnostic");
  if (said !== undefined) {
    const words = { column: said, optional: true };
    found["class"] = { smtp: words, give: "class" };
    found["smtp_code"] = { smtp: words, give: "code" };
    found["enhanced_code"] = { smtp: words, give: "enhanced_code" };
    found["diagnostic"] = words;
  }
  const money = columns.named("revenue", (name) => columns.share(name, (value) => /\d/.test(value)) > 0.9);
  if (money === undefined) return found;
  const hasComma = columns.valuesOf(money).some((value) => /,\d{1,2}$/.test(value));
  found["revenue"] = { column: money, cast: "money", decimal: hasComma ? "," : ".", optional: true };
  const currency = columns.named("currency");
  if (currency !== undefined) found["currency"] = { column: currency, optional: true };
  else
    doubt("rows.0.set.metadata.object.revenue", `"${money}" names no currency: add currency: EUR, or whichever it is`);
  return found;
}

/** The mapping with its doubts as comments where they stand; what stands nowhere yet comes first. */
function written(mapping: object, doubts: readonly Doubt[]): string {
  const document = new Document(mapping);
  const above: string[] = [];
  for (const { where, why } of doubts) {
    const path = where.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    const node = document.getIn(path, true);
    const note = ` unsure: ${why}`;
    if (isNode(node)) node.commentBefore = node.commentBefore ? `${node.commentBefore}\n${note}` : note;
    else above.push(` unsure (${where}): ${why}`);
  }
  if (above.length > 0) document.commentBefore = above.join("\n");
  return document.toString({ lineWidth: 140 });
}
