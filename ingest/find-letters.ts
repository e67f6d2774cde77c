import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pointedTo, setAsideName, unseal } from "./door/dead-letter.ts";
import { createIdHasher } from "./door/id-hasher.ts";
import type { IngestKeys } from "./door/keys.ts";
import { namesSomebody } from "./door/names-somebody.ts";
import { rawColumns } from "./door/raw-row.ts";
import type { LocalSink } from "./segments/local-sink.ts";
import { locateSegments } from "./segments/segment-map.ts";
import { keepAside, readAside, setAsideFolder } from "./set-aside.ts";

/** Dead letters whose sealed bytes name somebody. */
export interface FoundLetters {
  /** Places of rows, by segment of raw.dead_letters; letters that point to such bytes are among them. */
  readonly placesBySegment: ReadonlyMap<string, readonly number[]>;
  /** Files beside the segments that hold such bytes. */
  readonly aside: readonly string[];
  /** Letters that no key of this home opens: nobody who has only the home can read them, and they cannot be searched. */
  readonly unopened: number;
}

/** Written over a body that is to go, before its letter goes: whoever goes on after a kill finds both by it. */
const erasedMark = Buffer.from("erased");

/** What a letter's payload, as stored, says of the people looked for. */
export type ReadLetter =
  /** Its bytes are in another letter of its batch, at this position. */
  | { readonly kind: "pointer"; readonly to: string }
  | {
      readonly kind: "body";
      readonly isNamed: boolean;
      /** No key of the home opens it. */
      readonly isUnopened: boolean;
      /** The file beside the segments that has the bytes. */
      readonly aside: string | undefined;
    };

/** Opens letters with the home's keys and looks for people in them. `raw` is the folder beside which bodies are set aside. */
export function letterReader(
  raw: string,
  keys: IngestKeys,
  isWanted: (id: string) => boolean,
): (stored: Buffer) => ReadLetter {
  const hashers = keys.ids.all.map((key) => createIdHasher(key));
  return (stored) => {
    const to = pointedTo(stored);
    if (to !== undefined) return { kind: "pointer", to };
    const aside = setAsideName(stored);
    const sealed = aside === undefined ? stored : readAside(raw, aside);
    if (sealed?.equals(erasedMark)) return { kind: "body", isNamed: true, isUnopened: false, aside };
    const payload = sealed && unseal(sealed, keys.deadLetters);
    const isNamed = payload !== undefined && namesSomebody(payload, hashers, isWanted);
    return { kind: "body", isNamed, isUnopened: payload === undefined, aside };
  };
}

/** Opens every dead letter with the home's keys and looks for people in it. */
export async function findLetters(
  sink: LocalSink,
  keys: IngestKeys,
  isWanted: (id: string) => boolean,
): Promise<FoundLetters> {
  const read = letterReader(sink.raw, keys, isWanted);
  const placesBySegment = new Map<string, number[]>();
  const aside: string[] = [];
  let unopened = 0;
  /** The letter whose bytes those that follow point to. */
  let holder = { name: "", isNamed: false };
  for (const { table, segment, skip, rows } of locateSegments(sink.ledger.entries)) {
    if (table !== "dead_letters" || rows === 0 || !existsSync(join(sink.raw, segment))) continue;
    let place = skip - 1;
    for await (const block of sink.store.read(join(sink.raw, segment), rawColumns(table), { skip, rows })) {
      for (const row of block) {
        place += 1;
        if (row["payload"] === null) continue;
        const letter = read(Buffer.from(String(row["payload"]), "base64"));
        let isNamed: boolean;
        if (letter.kind === "pointer") isNamed = holder.isNamed && holder.name === `${row["batch_id"]}/${letter.to}`;
        else {
          isNamed = letter.isNamed;
          if (letter.isUnopened) unopened += 1;
          if (isNamed && letter.aside !== undefined) aside.push(letter.aside);
          holder = { name: `${row["batch_id"]}/${row["position"]}`, isNamed };
        }
        if (!isNamed) continue;
        const places = placesBySegment.get(segment) ?? [];
        places.push(place);
        placesBySegment.set(segment, places);
      }
    }
  }
  return { placesBySegment, aside, unopened };
}

/** Writes over the bodies that lie beside the segments; their letters go next, then `removeErasedBodies`. */
export function markErasedBodies(raw: string, names: readonly string[]): void {
  for (const name of names) keepAside(raw, name, erasedMark);
}

/** Removes the bodies that were written over. */
export async function removeErasedBodies(raw: string): Promise<void> {
  const folder = setAsideFolder(raw);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const path = join(folder, name);
    if (name.endsWith(".sealed") && readFileSync(path).equals(erasedMark)) await rm(path);
  }
}
