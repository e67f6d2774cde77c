import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { formatCell, formatInstant } from "../../report/format-cell.ts";
import { renderReport } from "../../report/render-report.ts";
import type { Report, ReportBlock } from "../../report/report.ts";
import { interestSection } from "../../report/sections.ts";

const days = Array.from({ length: 30 }, (_, n) => new Date(Date.UTC(2025, 8, 1 + n)).toISOString());
const report = (...blocks: ReportBlock[]): Report => ({ title: "The loop", sections: [{ title: "Part", blocks }] });
const parse = (html: string) => parseHTML(html).document;

const whole: Report = {
  title: "One turn of the loop",
  subtitle: "seed 7, 90 days",
  footer: "snapshot sha256:abc",
  sections: [
    {
      title: "Counts",
      lead: "Everything that came in is accounted for.",
      blocks: [
        {
          kind: "figures",
          figures: [
            { label: "Received", value: 1_067_000n },
            { label: "Complaints", value: 0.00117, format: "percent", tone: "warn", note: "of messages" },
          ],
        },
        {
          kind: "table",
          caption: "Guardrails",
          columns: [{ name: "metric" }, { name: "actual", format: "percent" }],
          rows: [
            ["complaints", 0.0012],
            ["unsubscribes", null],
          ],
          tones: ["bad", undefined],
        },
        { kind: "text", text: "Read on." },
      ],
    },
    {
      title: "Time",
      blocks: [
        {
          kind: "time-series",
          title: "Complaints a day",
          format: "percent",
          series: ["gmail", "outlook"].map((name, s) => ({
            name,
            points: days.map((at, n) => ({
              at,
              value: n === 7 ? null : 0.001 + 0.0001 * s + 0.00001 * n,
              low: 0.0005,
              high: 0.002,
            })),
          })),
          thresholds: [{ label: "limit 0.3 %", value: 0.003 }],
        },
        {
          kind: "bars",
          title: "Lift",
          format: "percent",
          items: [
            { label: "mens", value: 0.076, low: 0.07, high: 0.08 },
            { label: "womens", value: 0.045, low: 0.04, high: 0.05 },
          ],
        },
        {
          kind: "bars",
          title: "By provider",
          items: ["gmail", "gmx"].flatMap((label) =>
            ["champion", "candidate"].map((group, n) => ({ label, group, value: n + 1 })),
          ),
        },
      ],
    },
    {
      title: "Model",
      blocks: [
        {
          kind: "reliability",
          title: "Calibration",
          series: [
            {
              name: "champion",
              bins: [
                { predicted: 0.01, observed: 0.012, count: 900 },
                { predicted: 0.1, observed: 0.08, count: 90 },
              ],
            },
          ],
        },
        {
          kind: "distribution",
          title: "Scores",
          series: ["reference", "current"].map((name) => ({
            name,
            bins: [0, 1, 2].map((n) => ({ from: n / 10, to: (n + 1) / 10, count: 10 - n })),
          })),
        },
        {
          kind: "history",
          entries: [
            { at: "2025-12-01T09:00:00Z", what: "promoted m2", who: "bo", tone: "good" },
            {
              at: "2025-12-02T09:00:00Z",
              what: "rolled back m3",
              note: "complaints 0.25 % against 0.08 %",
              tone: "bad",
            },
          ],
        },
      ],
    },
  ],
};

describe("a report", () => {
  test("when it is rendered, every part of it is on the page and every chart is drawn", () => {
    const page = parse(renderReport(whole));
    expect(page.querySelectorAll("section").length).toBe(3);
    expect(page.querySelectorAll("figure svg").length).toBe(5);
    expect([...page.querySelectorAll("nav a")].map((a) => a.getAttribute("href"))).toEqual([
      "#counts",
      "#time",
      "#model",
    ]);
    const text = page.body.textContent ?? "";
    for (const part of [
      "1,067,000",
      "0.117 %",
      "Guardrails",
      "limit 0.3 %",
      "rolled back m3",
      "2025-12-02 09:00 UTC",
      "snapshot sha256:abc",
    ]) {
      expect(text).toContain(part);
    }
    expect(page.querySelector("tbody tr")!.getAttribute("class")).toBe("bad");
  });

  test("it stands alone: no script, nothing fetched, and it follows the reader's colours", () => {
    const html = renderReport(whole);
    expect(html.startsWith("<!DOCTYPE html>")).toBe(true);
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|src=/i);
    expect(html.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:\/\//);
    expect(html).toContain("prefers-color-scheme: dark");
  });

  test("when it is rendered twice the bytes are the same", () => {
    expect(renderReport(whole)).toBe(renderReport(whole));
  });

  test("when a text looks like markup it stays text", () => {
    const nasty = `</style><script>alert("x")</script>&amp;`;
    const html = renderReport({
      title: nasty,
      subtitle: nasty,
      footer: nasty,
      sections: [
        {
          title: nasty,
          lead: nasty,
          blocks: [
            { kind: "table", columns: [{ name: nasty }], rows: [[nasty]] },
            { kind: "bars", title: nasty, items: [{ label: nasty, value: 1 }] },
            { kind: "time-series", title: nasty, series: [{ name: nasty, points: [{ at: days[0]!, value: 1 }] }] },
          ],
        },
      ],
    });
    const page = parse(html);
    expect(page.querySelectorAll("script").length).toBe(0);
    expect(page.querySelector("h1")!.textContent).toBe(nasty);
    expect(page.querySelector("td")!.textContent).toBe(nasty);
  });

  test("when a chart has no data it says so", () => {
    const page = parse(
      renderReport(
        report(
          { kind: "time-series", title: "Nothing", series: [{ name: "a", points: [] }] },
          { kind: "bars", title: "None", items: [] },
        ),
      ),
    );
    expect(page.querySelectorAll("svg").length).toBe(0);
    expect(page.body.textContent).toContain("Nothing to show yet.");
  });

  test("when a value is missing the line breaks there", () => {
    const line = (value: number | null) =>
      parse(
        renderReport(
          report({
            kind: "time-series",
            title: "t",
            series: [{ name: "a", points: [1, 2, value, 4, 5].map((v, n) => ({ at: days[n]!, value: v })) }],
          }),
        ),
      )
        .querySelector('g[aria-label="line"] path')!
        .getAttribute("d")!;
    expect(line(3).match(/M/g)!.length).toBe(1);
    expect(line(null).match(/M/g)!.length).toBe(2);
  });

  test("when two distributions are alike they lie on each other, and equal bars are equally long", () => {
    const bins = [0, 1, 2].map((n) => ({ from: n, to: n + 1, count: 10 - n }));
    const series = ["reference", "current"].map((name) => ({ name, bins }));
    const items = [
      { label: "a", value: 2 },
      { label: "a", value: 2 },
    ];
    const page = parse(
      renderReport(report({ kind: "distribution", title: "d", series }, { kind: "bars", title: "b", items })),
    );
    const [distribution, bars] = [...page.querySelectorAll("figure")].map((figure) => [
      ...figure.querySelectorAll("rect"),
    ]);
    const tops = distribution!.map((rect) => rect.getAttribute("y"));
    expect(tops.length).toBe(6);
    expect(tops.slice(3)).toEqual(tops.slice(0, 3));
    expect(new Set(bars!.map((rect) => rect.getAttribute("width"))).size).toBe(1);
    expect(new Set(bars!.map((rect) => rect.getAttribute("x"))).size).toBe(1);
  });

  test("when two sections share a title their links differ", () => {
    const page = parse(renderReport({ title: "t", sections: ["A", "A", "!"].map((title) => ({ title, blocks: [] })) }));
    expect([...page.querySelectorAll("section")].map((s) => s.id)).toEqual(["a", "a-2", "section"]);
  });
});

test.each([
  [0.00021, "percent", "0.021 %"],
  [0.187, "percent", "18.7 %"],
  [-0.025, "percent", "−2.5 %"],
  [0, "percent", "0 %"],
  [1234567, "number", "1,234,567"],
  [0.78754, "number", "0.7875"],
  [12, "money", "12.00"],
  [0.0968, "money", "0.0968"],
  [Number.NaN, "number", "–"],
  [null, "percent", "–"],
  [true, "plain", "yes"],
  [9007199254740993n, "number", "9,007,199,254,740,993"],
] as const)("when %s is shown as %s it reads %s", (value, format, text) => {
  expect(formatCell(value, format)).toBe(text);
});

test("when an instant is shown it is in UTC, and what is none stays as it is", () => {
  expect(formatInstant("2025-11-30T23:59:00+02:00")).toBe("2025-11-30 21:59 UTC");
  expect(formatInstant("soon")).toBe("soon");
});

test("when nobody has come yet then no plot of interest is drawn, and otherwise they name what there is", () => {
  const html = (section: Parameters<typeof interestSection>[0]) =>
    renderReport({ title: "The loop", sections: [interestSection(section)] });
  expect(parse(html({ affinities: [], sessions: [] })).querySelectorAll("svg").length).toBe(0);
  const said = parse(
    html({ affinities: [{ category: "shoes", addresses: 3 }], sessions: [{ week: "2026-01-05", sessions: 7 }] }),
  );
  const titles = [...said.querySelectorAll("svg title")].map((title) => title.textContent);
  expect(titles).toEqual(["shoes: 3", "visits\n2026-01-05 00:00 UTC\n7"]);
});
