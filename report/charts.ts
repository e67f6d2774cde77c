import * as Plot from "@observablehq/plot";
import { formatCell } from "./format-cell.ts";
import type { BarsBlock, DistributionBlock, ReliabilityBlock, ReportFormat, TimeSeriesBlock } from "./report.ts";

export type ChartBlock = TimeSeriesBlock | BarsBlock | ReliabilityBlock | DistributionBlock;

/** A drawn chart: an SVG element of the given document, and the colours that its legend explains. */
export interface DrawnChart {
  readonly svg: unknown;
  /** Names in the order of their colours; empty where one colour says nothing. */
  readonly legend: readonly { readonly name: string; readonly colour: string }[];
}

const WIDTH = 820;
const colours = [1, 2, 3, 4, 5, 6].map((n) => `var(--series-${n})`);
const colourOf = (index: number): string => colours[index % colours.length]!;

/** Draws a chart into an element of `document`. Same block, same element: no clock, no layout, no randomness. */
export function drawChart(block: ChartBlock, document: unknown): DrawnChart {
  const options = optionsOf(block);
  const names = namesOf(block);
  const svg = Plot.plot({
    width: WIDTH,
    marginLeft: 64,
    document: document as never,
    ...options,
  } as Plot.PlotOptions);
  return { svg, legend: names.length > 1 ? names.map((name, i) => ({ name, colour: colourOf(i) })) : [] };
}

function namesOf(block: ChartBlock): readonly string[] {
  if (block.kind !== "bars") return block.series.map((series) => series.name);
  return [...new Set(block.items.map((item) => item.group ?? ""))];
}

function optionsOf(block: ChartBlock): Plot.PlotOptions {
  switch (block.kind) {
    case "time-series":
      return timeSeries(block);
    case "bars":
      return bars(block);
    case "reliability":
      return reliability(block);
    case "distribution":
      return distribution(block);
  }
}

const ticks = (format: ReportFormat | undefined) => (value: number) => formatCell(value, format);

/** Lines across a chart that say where a limit lies. */
function limits(
  thresholds: readonly { readonly label: string; readonly value: number }[] | undefined,
  axis: "x" | "y",
): Plot.Markish[] {
  if (!thresholds || thresholds.length === 0) return [];
  const rule = axis === "y" ? Plot.ruleY : Plot.ruleX;
  const data = [...thresholds];
  const place =
    axis === "y"
      ? { y: "value", frameAnchor: "right" as const, dy: -7, textAnchor: "end" as const }
      : { x: "value", frameAnchor: "top" as const, dy: -8 };
  return [
    rule(data, { [axis]: "value", stroke: "var(--bad)", strokeDasharray: "4 3" }),
    Plot.text(data, { ...place, text: "label", fill: "var(--bad)" }),
  ];
}

function timeSeries(block: TimeSeriesBlock): Plot.PlotOptions {
  const rows = block.series.flatMap((series, i) =>
    series.points.map((point) => ({
      name: series.name,
      colour: colourOf(i),
      at: new Date(point.at),
      value: point.value ?? Number.NaN,
      low: point.low ?? Number.NaN,
      high: point.high ?? Number.NaN,
    })),
  );
  const hasIntervals = rows.some((row) => !Number.isNaN(row.low) && !Number.isNaN(row.high));
  const title = (row: (typeof rows)[number]) =>
    `${row.name}\n${row.at.toISOString().slice(0, 16).replace("T", " ")} UTC\n${formatCell(row.value, block.format)}`;
  return {
    height: 260,
    x: { type: "utc", label: null },
    y: { grid: true, label: null, tickFormat: ticks(block.format), nice: true, zero: true },
    marks: [
      ...(hasIntervals
        ? [
            Plot.areaY(rows, {
              x: "at",
              y1: "low",
              y2: "high",
              z: "name",
              fill: (row) => row.colour,
              fillOpacity: 0.15,
            }),
          ]
        : []),
      Plot.lineY(rows, { x: "at", y: "value", z: "name", stroke: (row) => row.colour, strokeWidth: 1.75 }),
      Plot.dot(rows, { x: "at", y: "value", r: 2, fill: (row) => row.colour, title }),
      ...limits(block.thresholds, "y"),
    ],
  };
}

function bars(block: BarsBlock): Plot.PlotOptions {
  const groups = [...new Set(block.items.map((item) => item.group ?? ""))];
  const labels = [...new Set(block.items.map((item) => item.label))];
  const isGrouped = groups.length > 1;
  const rows = block.items.map((item) => ({
    label: item.label,
    group: item.group ?? "",
    colour: colourOf(groups.indexOf(item.group ?? "")),
    value: item.value,
    low: item.low ?? Number.NaN,
    high: item.high ?? Number.NaN,
    title: `${item.label}${item.group ? `, ${item.group}` : ""}: ${formatCell(item.value, block.format)}${
      item.low === undefined || item.high === undefined
        ? ""
        : ` (${formatCell(item.low, block.format)} to ${formatCell(item.high, block.format)})`
    }`,
  }));
  const y = isGrouped ? { y: "group", fy: "label" } : { y: "label" };
  const intervals = rows.filter((row) => !Number.isNaN(row.low) && !Number.isNaN(row.high));
  const longest = Math.max(...labels.map((label) => label.length), 0);
  return {
    height: 50 + rows.length * (isGrouped ? 18 : 26) + (isGrouped ? labels.length * 8 : 0),
    marginLeft: Math.min(260, 24 + longest * 6.2),
    x: { grid: true, label: null, tickFormat: ticks(block.format), nice: true, zero: true },
    y: isGrouped ? { axis: null, domain: groups } : { label: null, domain: labels },
    ...(isGrouped ? { fy: { label: null, domain: labels, axis: "left" as const } } : {}),
    marginTop: block.thresholds?.length ? 28 : 10,
    marks: [
      Plot.barX(rows, { x1: 0, x2: "value", ...y, fill: (row) => row.colour, title: "title" }),
      ...(intervals.length > 0
        ? [Plot.ruleY(intervals, { x1: "low", x2: "high", ...y, stroke: "currentColor", strokeWidth: 1.25 })]
        : []),
      Plot.ruleX([0]),
      ...limits(block.thresholds, "x"),
    ],
  };
}

function reliability(block: ReliabilityBlock): Plot.PlotOptions {
  const rows = block.series.flatMap((series, i) =>
    series.bins
      .filter((bin) => bin.count > 0)
      .map((bin) => ({
        ...bin,
        name: series.name,
        colour: colourOf(i),
        title: `${series.name}: predicted ${formatCell(bin.predicted, "percent")}, observed ${formatCell(bin.observed, "percent")} of ${formatCell(bin.count)}`,
      })),
  );
  const most = Math.max(...rows.flatMap((row) => [row.predicted, row.observed]), 0) || 1;
  const axis = { domain: [0, most * 1.05], grid: true, tickFormat: ticks("percent"), ticks: 6 };
  return {
    width: 460,
    height: 420,
    marginBottom: 40,
    x: { ...axis, label: "predicted" },
    y: { ...axis, label: "observed" },
    marks: [
      Plot.line(
        [
          [0, 0],
          [most, most],
        ],
        { stroke: "var(--soft)", strokeDasharray: "4 3" },
      ),
      Plot.line(rows, { x: "predicted", y: "observed", z: "name", stroke: (row) => row.colour, strokeWidth: 1.5 }),
      Plot.dot(rows, { x: "predicted", y: "observed", r: 4, fill: (row) => row.colour, title: "title" }),
    ],
  };
}

function distribution(block: DistributionBlock): Plot.PlotOptions {
  const rows = block.series.flatMap((series, i) => {
    const total = series.bins.reduce((sum, bin) => sum + bin.count, 0) || 1;
    return series.bins.map((bin) => ({
      x1: bin.from,
      x2: bin.to,
      share: bin.count / total,
      colour: colourOf(i),
      title: `${series.name}: ${formatCell(bin.count)} (${formatCell(bin.count / total, "percent")}) from ${formatCell(bin.from, block.format)} to ${formatCell(bin.to, block.format)}`,
    }));
  });
  return {
    height: 240,
    x: { label: null, tickFormat: ticks(block.format) },
    y: { grid: true, label: null, tickFormat: ticks("percent"), zero: true },
    marks: [
      Plot.rectY(rows, {
        x1: "x1",
        x2: "x2",
        // Two ends, not one: a single `y` would stack the series on each other.
        y1: 0,
        y2: "share",
        fill: (row) => row.colour,
        fillOpacity: block.series.length > 1 ? 0.45 : 0.85,
        title: "title",
        inset: 0.5,
      }),
      Plot.ruleY([0]),
    ],
  };
}
