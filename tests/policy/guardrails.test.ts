import { expect, test } from "vitest";
import { evaluationGuardrails, type GuardrailResult, judge, notMeasurable, overall } from "../../policy/guardrails.ts";

const [first, second] = evaluationGuardrails;
const passed = judge(first!, {
  actual: 0.8,
  champion: 0.8,
  evidence: 1_000,
  isProvenWorse: false,
  interval: [0, 0],
  note: "",
});

test.each<[string, readonly GuardrailResult[], string]>([
  ["all pass", [passed], "pass"],
  ["one cannot be measured", [passed, notMeasurable(second!, "no column", undefined)], "not-measurable"],
  ["that one is waived", [passed, notMeasurable(second!, "no column", "a rule has no score")], "pass"],
  ["everything is waived", [notMeasurable(second!, "no column", "a rule has no score")], "insufficient-evidence"],
  ["one fails beside it", [{ ...passed, verdict: "fail" }, notMeasurable(second!, "no column", undefined)], "fail"],
])("when %s then the verdict says so", (_, results, verdict) => {
  expect(overall(results)).toBe(verdict);
});

test("when a guardrail is waived then the reason is in its note", () => {
  expect(notMeasurable(first!, "no column", "a rule has no score").note).toBe("no column; waived: a rule has no score");
});
