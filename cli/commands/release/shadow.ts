import type { CanaryPolicy } from "../../../release/canary/canary-policy.ts";
import type { ShadowJudgement, ShadowSegment } from "../../../release/shadow.ts";
import type { Environment } from "../../environment.ts";
import { renderTable } from "../../table.ts";
import { percent } from "./render.ts";

/** What a version would have decided beside the champion, read from the warehouse now, and its verdict by the policy's rule. */
export async function shadowOf(world: Environment, version: string, digest: string, policy: CanaryPolicy) {
  const { releaseStatus } = await import("../../../release/release.ts");
  const { defaultShadowRule, judgeShadow, readShadow } = await import("../../../release/shadow.ts");
  const { state } = await releaseStatus(world.releaseLog);
  const warehouse = await world.target.openWarehouse();
  try {
    const segments = await readShadow(warehouse, { version, digest, champion: state.champion ?? "" }, world.signal);
    return { segments, judged: judgeShadow(segments, policy.shadow ?? defaultShadowRule) };
  } finally {
    await warehouse.close();
  }
}

const plusMinus = (value: number | null, error: number | null, format: (value: number) => string): string =>
  value === null ? "" : error === null ? format(value) : `${format(value)} ±${format(1.96 * error)}`;

/** What a shadow would have decided otherwise: the verdict, then a line a segment. */
export function renderShadow(judged: ShadowJudgement, segments: readonly ShadowSegment[]): string {
  const rows = segments.map((s) => [
    s.segment_kind === "all" ? "all" : `${s.segment_kind} ${s.segment}`,
    String(s.people),
    String(s.decisions),
    String(s.sends),
    String(s.shadow_sends),
    plusMinus(s.changed_share, s.changed_share_error, (value) => percent(value, 1)),
    plusMinus(s.value_shift, s.value_shift_error, (value) => value.toPrecision(3)),
  ]);
  const titles = ["segment", "people", "decisions", "sends", "shadow's", "otherwise", "value, shift"];
  return [
    `${judged.verdict}  ${judged.note}`,
    ...(rows.length > 0
      ? [
          "",
          renderTable(
            titles.map((title) => ({ title })),
            rows,
          ),
        ]
      : []),
  ].join("\n");
}
