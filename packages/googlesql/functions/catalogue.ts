/** The verified list: every function of GoogleSQL that the local engine serves, and those that it refuses by name. */
import { castFormatLibrary } from "../emit/cast-format.ts";
import { aggregates, analytics } from "./aggregate.ts";
import { approximate } from "./approximate.ts";
import { array } from "./array.ts";
import { arrayFind } from "./array-find.ts";
import { buckets } from "./buckets.ts";
import { conditional } from "./conditional.ts";
import type { FunctionLibrary } from "./contract.ts";
import { dateTime } from "./date-time.ts";
import { decimalMath } from "./decimal-math.ts";
import { exactAggregates } from "./exact-aggregates.ts";
import { formatting } from "./format.ts";
import { further } from "./further.ts";
import { generatedArrays } from "./generate-array.ts";
import { hash } from "./hash.ts";
import { json } from "./json.ts";
import { jsonConversions } from "./json-conversions.ts";
import { lambdas } from "./lambdas.ts";
import { math } from "./math.ts";
import { monthFunctions } from "./months.ts";
import { net } from "./net.ts";
import { percentiles } from "./percentile.ts";
import { privacy } from "./privacy.ts";
import { range } from "./range.ts";
import { regexp } from "./regexp.ts";
import { searching } from "./search.ts";
import { sketches } from "./sketch.ts";
import { statistics } from "./statistics.ts";
import { string } from "./string.ts";

export const catalogue: readonly FunctionLibrary[] = [
  string,
  regexp,
  searching,
  math,
  decimalMath,
  conditional,
  dateTime,
  buckets,
  monthFunctions,
  formatting,
  hash,
  json,
  jsonConversions,
  array,
  generatedArrays,
  arrayFind,
  lambdas,
  aggregates,
  exactAggregates,
  statistics,
  approximate,
  percentiles,
  sketches,
  castFormatLibrary,
  further,
  analytics,
  net,
  range,
  privacy,
];
