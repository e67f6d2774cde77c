import { randomBytes } from "node:crypto";
import { type IngestKeys, loadIngestKeys } from "../ingest/door/keys.ts";
import type { Environment } from "./environment.ts";

/** The keys of ingestion, for who needs nothing else of it: a command that looks somebody up opens no list and reads no declaration. */
export const ingestKeys = ({ settings, home }: Pick<Environment, "settings" | "home">): IngestKeys =>
  loadIngestKeys(settings, home.state, randomBytes);
