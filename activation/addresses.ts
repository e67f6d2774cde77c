import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "csv-parse";
import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import type { Address } from "./mail.ts";
import { type AddressSettings, secretFrom } from "./settings.ts";

/** Looks addresses up. They are given for as long as a page of mails lives, and kept nowhere. */
export interface AddressBook {
  /** By keyed id; who is not known is absent. */
  of(ids: readonly string[]): Promise<ReadonlyMap<string, Address>>;
}

export interface AddressWorld {
  /** The keyed ids of whatever the sender calls somebody by, one for each key of the ring. */
  readonly idsOf: (id: string) => readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly path: (path: string) => string;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Something that a mail can be addressed to, and that adds no header to it. */
const usable = /^[^\s<>()[\],;:\\"@\p{Cc}]+@[^\s<>()[\],;:\\"@\p{Cc}]+$/u;
const noControl = /\p{Cc}/gu;

function addressOf(address: unknown, name: unknown): Address | undefined {
  if (typeof address !== "string" || address.length > 320 || !usable.test(address.trim())) return undefined;
  const said = typeof name === "string" ? name.replace(noControl, " ").trim().slice(0, 200) : "";
  return { address: address.trim(), name: said === "" ? null : said };
}

export function openAddressBook(settings: AddressSettings, world: AddressWorld): AddressBook {
  return settings.kind === "file" ? fileBook(world.path(settings.path), world) : serviceBook(settings, world);
}

const trouble = (where: string, what: string, exit: "config" | "remote", cause?: unknown): UserError =>
  new UserError(`addresses cannot be looked up: ${what}`, {
    code: "activation.addresses",
    exit,
    where,
    next: "mend it and run the command again: it goes on where it stopped",
    // A parser's own words may quote the line.
    ...(cause === undefined ? {} : { cause: new Error(String((cause as NodeJS.ErrnoException).code ?? "unreadable")) }),
  });

/** Reads the file through for each page: no more of it is in memory than the page asks for. */
function fileBook(path: string, { idsOf }: AddressWorld): AddressBook {
  const isLines = [".ndjson", ".jsonl"].includes(extname(path).toLowerCase());
  return {
    async of(ids) {
      const wanted = new Set(ids);
      const found = new Map<string, Address>();
      const rows = isLines ? jsonRows(path) : csvRows(path);
      try {
        for await (const row of rows) {
          const id = row["id"] ?? row["address"];
          if (typeof id !== "string" && typeof id !== "number") continue;
          for (const hashed of idsOf(String(id))) {
            if (!wanted.has(hashed)) continue;
            const address = addressOf(row["address"], row["name"]);
            // The last line about somebody holds.
            if (address) found.set(hashed, address);
            else found.delete(hashed);
          }
        }
      } catch (error) {
        if (error instanceof UserError) throw error;
        throw trouble(path, "the file cannot be read", "config", error);
      }
      return found;
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

async function* csvRows(path: string): AsyncIterable<Fields> {
  const parser = createReadStream(path).on("error", (error) => parser.destroy(error));
  const rows = parser.pipe(
    parse({
      bom: true,
      columns: (header: string[]) => {
        const names = header.map((one) => one.trim().toLowerCase());
        if (!names.includes("address")) throw trouble(path, "its header has no column `address`", "config");
        return names;
      },
      skip_empty_lines: true,
      relax_column_count: true,
    }),
  );
  parser.on("error", (error) => rows.destroy(error));
  yield* rows as AsyncIterable<Fields>;
}

async function* jsonRows(path: string): AsyncIterable<Fields> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw trouble(`${path}:${number}`, "the line is not JSON", "config");
    }
    if (value !== null && typeof value === "object") yield value as Fields;
  }
}

const answerShape = z.object({
  addresses: z.array(z.object({ id: z.string(), address: z.string().nullish(), name: z.string().nullish() })),
});

function serviceBook(settings: Extract<AddressSettings, { kind: "http" }>, world: AddressWorld): AddressBook {
  const { url, timeout_seconds, max_bytes, ids_per_call } = settings;
  const token = settings.token_env === undefined ? undefined : secretFrom(world.env, settings.token_env);

  async function ask(ids: readonly string[]): Promise<z.infer<typeof answerShape>> {
    const answer = await fetch(url, {
      method: "POST",
      // The host that the settings name is the host that answers.
      redirect: "error",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ ids }),
      signal: AbortSignal.timeout(timeout_seconds * 1000),
    });
    if (!answer.ok || !answer.body) {
      await answer.body?.cancel();
      const isSetUp = answer.status < 500 && ![408, 425, 429].includes(answer.status);
      throw trouble(url, `the service answered ${answer.status}`, isSetUp ? "config" : "remote");
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > max_bytes) throw trouble(url, `the answer is larger than ${max_bytes} bytes`, "config");
      chunks.push(chunk);
    }
    let value: unknown;
    try {
      value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch {
      throw trouble(url, "the answer is not JSON", "config");
    }
    const parsed = answerShape.safeParse(value);
    if (!parsed.success)
      throw trouble(url, `the answer is wrong at ${parsed.error.issues[0]?.path.join(".") || "the top"}`, "config");
    return parsed.data;
  }

  async function patiently(ids: readonly string[]): Promise<z.infer<typeof answerShape>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(ids);
      } catch (error) {
        if (error instanceof UserError && error.exit === "config") throw error;
        if (attempt < 3) await world.sleep(500 * 2 ** attempt);
        else if (error instanceof UserError) throw error;
        else
          throw trouble(
            url,
            error instanceof Error && error.name === "TimeoutError"
              ? "the service did not answer in time"
              : "no answer",
            "remote",
            error,
          );
      }
    }
  }

  return {
    async of(ids) {
      const found = new Map<string, Address>();
      for (let at = 0; at < ids.length; at += ids_per_call) {
        const asked = new Set(ids.slice(at, at + ids_per_call));
        for (const one of (await patiently([...asked])).addresses) {
          const address = addressOf(one.address, one.name);
          if (asked.has(one.id) && address) found.set(one.id, address);
        }
      }
      return found;
    },
  };
}
