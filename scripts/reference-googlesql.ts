/** Writes docs/reference/googlesql.md: `npx tsx scripts/reference-googlesql.ts`. */
import { writeFileSync } from "node:fs";
import { catalogue } from "../warehouse/googlesql/functions/catalogue.ts";
import { referencePage } from "../warehouse/googlesql/functions/reference-page.ts";

writeFileSync(new URL("../docs/reference/googlesql.md", import.meta.url), referencePage(catalogue));
