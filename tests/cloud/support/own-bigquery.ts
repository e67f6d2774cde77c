import { afterAll, inject } from "vitest";
import { type BigQueryEmulator, startBigQuery } from "../emulators.ts";

/** A BigQuery emulator for the tests of one file, stopped after them. Whatever one holds makes all its later statements slower. */
export async function ownBigQuery(): Promise<BigQueryEmulator> {
  const emulator = await startBigQuery(inject("installed"));
  afterAll(() => emulator.stop());
  return emulator;
}

/** Where the command line finds it. */
export const environmentOf = ({ emulatorHost, storageEmulatorHost }: BigQueryEmulator) => ({
  BIGQUERY_EMULATOR_HOST: emulatorHost,
  BIGQUERY_STORAGE_EMULATOR_HOST: storageEmulatorHost,
  METADATA_SERVER_DETECTION: "none",
});
