import { type ErasurePlan, rowsOf } from "../../../governance/erasure/plan.ts";
import type { PrivacyStatus } from "../../../governance/erasure/status.ts";
import { renderTable } from "../../table.ts";
import type { Erased } from "./home-erasure.ts";
import type { Verified } from "./verify-home.ts";

const count = (n: number): string => n.toLocaleString("en-US");
const things = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

export function renderErased(outcomes: readonly Erased[]): string {
  if (outcomes.length === 0) return "no request waits";
  return outcomes.map(renderOne).join("\n\n");
}

export function renderVerified({ erased, files, tables, findings, unsearchable, unread }: Verified): string {
  const rows = findings.map(({ file, place, times }) => [file, place, count(times)]);
  return [
    `${things(files, "file")}, ${tables > 0 ? `${things(tables, "table")} of BigQuery, ` : ""}${things(erased, "token")} of people who were erased and not let in again`,
    rows.length > 0
      ? renderTable([{ title: "where" }, { title: "place" }, { title: "times", align: "right" }], rows)
      : "none of them is named",
    ...unread.map(({ file, why }) => `could not be read: ${file} (${why})`),
    ...unsearched(unsearchable),
    ...(rows.length > 0 ? ["next: inboxloop privacy erase for the same person takes them out"] : []),
  ].join("\n");
}

function renderOne(outcome: Erased): string {
  switch (outcome.kind) {
    case "planned":
      return `${renderPlan(outcome.plan)}\n\nnothing was changed`;
    case "nothing":
      return outcome.isErasedAlready
        ? "they have been erased before, and nothing of them has come back"
        : "nothing of them is here; nothing was done";
    case "waiting":
      return `${things(outcome.waiting, "call")} in the spool must land before the rest can go; the erasure goes on from there\nnext: inboxloop ingest serve (it lands them), then: inboxloop privacy erase --pending`;
    case "done": {
      const { receipt, begun } = outcome;
      const rows = receipt.places.map(({ where, rows: n }) => [where, count(n)]);
      return [
        ...(outcome.isResumed ? ["an erasure that was interrupted is finished"] : []),
        ...(outcome.plan ? [...aboutPeople(outcome.plan), ""] : []),
        renderTable([{ title: "where" }, { title: "rows erased", align: "right" }], rows),
        "",
        `${things(begun.people, "person", "people")} erased: ${things(receipt.rows, "row")}, receipt ${receipt.erasure_id}`,
        ...receipt.snapshots.map(({ parent, successor }) =>
          successor ? `snapshot ${parent} is ${successor} now` : `snapshot ${parent} is gone: no row was left`,
        ),
        ...receipt.models.map(
          ({ name, retrain_by }) => `model ${name} learned from them: train it anew by ${retrain_by.slice(0, 10)}`,
        ),
        ...unsearched(receipt.unsearchable),
        "next: inboxloop build",
      ].join("\n");
    }
  }
}

function renderPlan(plan: ErasurePlan): string {
  const rows = plan.found.flatMap(({ findings }) => findings.places.map(({ where, rows: n }) => [where, count(n)]));
  const sum = (of: "waiting" | "unsearchable") => plan.found.reduce((n, { findings }) => n + (findings[of] ?? 0), 0);
  const models = plan.found.flatMap(({ findings }) => findings.models ?? []);
  return [
    ...aboutPeople(plan),
    "",
    ...(rows.length > 0
      ? [
          renderTable([{ title: "where" }, { title: "rows", align: "right" }], rows),
          "",
          `${things(rowsOf(plan), "row")}`,
        ]
      : ["nothing of them is here"]),
    ...models.map(({ name }) => `model ${name} learned from them`),
    ...(sum("waiting") > 0 ? [`${things(sum("waiting"), "call")} in the spool must land first`] : []),
    ...unsearched(sum("unsearchable")),
  ].join("\n");
}

function aboutPeople({ people, subject, linked, held }: ErasurePlan): readonly string[] {
  const reasons = Object.entries(held).map(([why, n]) => `${things(n, "id")} next to them not followed: ${why}`);
  return [
    `${things(people, "person", "people")}, ${things(subject.ids.length, "id")} (${count(linked)} linked), ${things(subject.messages.length, "message")}`,
    ...reasons,
  ];
}

const unsearched = (n: number): readonly string[] =>
  n > 0 ? [`${things(n, "sealed or damaged thing")} could not be searched: no key of this home opens them`] : [];

export function renderStatus(status: PrivacyStatus): string {
  const { pending, overdue, due_at, erasures, models } = status;
  return [
    pending === 0
      ? "no request waits"
      : `${things(pending, "request")} wait${pending === 1 ? "s" : ""}, ${overdue} overdue; the oldest is due by ${due_at?.slice(0, 10)}\nnext: inboxloop privacy erase --pending`,
    ...(status.is_under_way ? ["an erasure is under way: inboxloop privacy erase --pending goes on with it"] : []),
    ...(erasures.length > 0
      ? [
          "",
          renderTable(
            [
              { title: "erasure" },
              { title: "begun" },
              { title: "done" },
              { title: "people", align: "right" },
              { title: "rows", align: "right" },
              { title: "late", align: "right" },
            ],
            erasures.map((one) => [
              one.erasure_id,
              one.begun_at,
              one.done_at ?? "under way",
              count(one.people),
              count(one.rows),
              count(one.late),
            ]),
          ),
        ]
      : []),
    ...(models.length > 0
      ? [
          "",
          renderTable(
            [{ title: "model that learned from them" }, { title: "train anew by" }, { title: "" }],
            models.map(({ name, retrain_by, is_overdue }) => [
              name,
              retrain_by.slice(0, 10),
              is_overdue ? "OVERDUE" : "",
            ]),
          ),
        ]
      : []),
  ].join("\n");
}
