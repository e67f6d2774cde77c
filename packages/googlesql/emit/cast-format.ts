/**
 * CAST ... FORMAT between text and dates, times and bytes: the format elements of docs/format-elements.md, read and checked as
 * public/functions/cast_date_time.cc does.
 */

import { momentInZone, momentOf } from "../functions/civil-format.ts";
import type { FunctionLibrary, JsValue } from "../functions/contract.ts";
import { formatDecimalBy, formatFloatBy } from "../functions/number-format.ts";
import { bytesToText, textToBytes } from "./cast-format/bytes.ts";
import type { CivilKind } from "./cast-format/elements.ts";
import { parseCast } from "./cast-format/moment-of-text.ts";
import { formatMoment } from "./cast-format/moment-text.ts";

type Run = (...args: JsValue[]) => JsValue;
const run = (body: (...args: never[]) => JsValue): Run => body as unknown as Run;

export const castFormatLibrary: FunctionLibrary = {
  functions: [],
  js: [
    {
      name: "gs_cast_float_text",
      args: ["DOUBLE", "VARCHAR"],
      result: "VARCHAR",
      run: run(formatFloatBy),
    },
    {
      name: "gs_cast_decimal_text",
      args: ["VARCHAR", "VARCHAR"],
      result: "VARCHAR",
      run: run(formatDecimalBy),
    },
    {
      name: "gs_cast_civil_text",
      args: ["TIMESTAMP", "VARCHAR", "VARCHAR"],
      result: "VARCHAR",
      run: run((local: bigint, format: string, kind: CivilKind) => formatMoment(format, momentOf(local), kind)),
    },
    {
      name: "gs_cast_instant_text",
      args: ["TIMESTAMPTZ", "VARCHAR", "VARCHAR"],
      result: "VARCHAR",
      run: run((at: bigint, format: string, zone: string) => formatMoment(format, momentInZone(at, zone), "TIMESTAMP")),
    },
    {
      name: "gs_cast_parse_civil",
      args: ["VARCHAR", "VARCHAR", "VARCHAR", "TIMESTAMPTZ"],
      result: "TIMESTAMP",
      run: run((text: string, format: string, kind: CivilKind, now: bigint) =>
        parseCast(format, text, kind, "UTC", now),
      ),
    },
    {
      name: "gs_cast_parse_instant",
      args: ["VARCHAR", "VARCHAR", "VARCHAR", "TIMESTAMPTZ"],
      result: "TIMESTAMPTZ",
      run: run((text: string, format: string, zone: string, now: bigint) =>
        parseCast(format, text, "TIMESTAMP", zone, now),
      ),
    },
    { name: "gs_cast_bytes_text", args: ["BLOB", "VARCHAR"], result: "VARCHAR", run: run(bytesToText) },
    { name: "gs_cast_text_bytes", args: ["VARCHAR", "VARCHAR"], result: "BLOB", run: run(textToBytes) },
  ],
};

/** DuckDB SQL of a cast with a format (and a zone where it may have one); undefined when there is none between the types. */
export function castFormatText(
  from: string,
  to: string,
): ((x: string, format: string, zone: string) => string) | undefined {
  switch (`${from}>${to}`) {
    case "INT64>STRING":
      return (x, f) => `gs_cast_decimal_text(CAST(${x} AS VARCHAR), ${f})`;
    case "NUMERIC>STRING":
      return (x, f) => `gs_cast_decimal_text(gs_numeric_text(${x}), ${f})`;
    case "BIGNUMERIC>STRING":
      return (x, f) => `gs_cast_decimal_text(${x}, ${f})`;
    case "FLOAT64>STRING":
      return (x, f) => `gs_cast_float_text(${x}, ${f})`;
    case "BYTES>STRING":
      return (x, f) => `gs_cast_bytes_text(${x}, ${f})`;
    case "STRING>BYTES":
      return (x, f) => `gs_cast_text_bytes(${x}, ${f})`;
    case "DATE>STRING":
      return (x, f) => `gs_cast_civil_text(CAST(${x} AS TIMESTAMP), ${f}, 'DATE')`;
    case "DATETIME>STRING":
      return (x, f) => `gs_cast_civil_text(${x}, ${f}, 'DATETIME')`;
    case "TIME>STRING":
      return (x, f) => `gs_cast_civil_text(DATE '1970-01-01' + ${x}, ${f}, 'TIME')`;
    case "TIMESTAMP>STRING":
      return (x, f, zone) => `gs_cast_instant_text(${x}, ${f}, ${zone})`;
    case "STRING>DATE":
      return (x, f) => `CAST(gs_cast_parse_civil(${x}, ${f}, 'DATE', now()) AS DATE)`;
    case "STRING>DATETIME":
      return (x, f) => `gs_cast_parse_civil(${x}, ${f}, 'DATETIME', now())`;
    case "STRING>TIME":
      return (x, f) => `CAST(gs_cast_parse_civil(${x}, ${f}, 'TIME', now()) AS TIME)`;
    case "STRING>TIMESTAMP":
      return (x, f, zone) => `gs_cast_parse_instant(${x}, ${f}, ${zone}, now())`;
    default:
      return undefined;
  }
}
