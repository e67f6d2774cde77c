// A process that spends as long as there is something: `tsx spend-once.ts <journal> <allowance> <price> <at>`. Prints how often it could.
import { parsePrivacyBudget } from "../../governance/privacy-budget/budget.ts";
import { privacyBudgetJournal } from "../../governance/privacy-budget/budget-journal.ts";
import { spend } from "../../governance/privacy-budget/spend.ts";
import { fileJournal } from "../../targets/local.ts";

const [path = "", allowance, price, at = ""] = process.argv.slice(2);
const { audiences } = parsePrivacyBudget(
  `{version: 1, audiences: {a: {means: a test, period: year, allowance: {epsilon: ${allowance}, delta: 0.1}, per_query: {epsilon: ${price}, delta: 0}, tables: {d.t: id}}}}`,
  "a test",
);
const journal = fileJournal(path, privacyBudgetJournal);
const asked = { epsilon: Number(price), delta: 0, table: "d.t", statement: "0".repeat(64) };
// Both begin at the same moment.
await new Promise((go) => setTimeout(go, Math.max(0, Number(at) - Date.now())));
let times = 0;
try {
  for (;;) {
    await spend(journal, "a", audiences["a"]!, asked, new Date("2026-01-01T00:00:00Z"), "a test");
    times++;
  }
} catch (error) {
  process.stdout.write(JSON.stringify({ times, code: (error as { code?: string }).code ?? String(error) }));
}
