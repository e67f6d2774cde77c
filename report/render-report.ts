import { parseHTML } from "linkedom";
import { type ChartBlock, drawChart } from "./charts.ts";
import { formatCell, formatInstant } from "./format-cell.ts";
import type { FiguresBlock, HistoryBlock, Report, ReportBlock, ReportSection, TableBlock } from "./report.ts";
import { style } from "./style.ts";

/** The little of the DOM that is used here; the project is not compiled against a browser's types. */
interface Element {
  textContent: string | null;
  setAttribute(name: string, value: string): void;
  append(...children: readonly (Element | string)[]): void;
}
interface Document {
  readonly head: Element;
  readonly body: Element;
  readonly documentElement: Element;
  createElement(name: string): Element;
  toString(): string;
}

/**
 * Makes one HTML file of a report: style and charts are inside it, it runs no script and fetches nothing. Built as a
 * document tree, so no text of the report can become markup. The same report gives the same bytes.
 */
export function renderReport(report: Report): string {
  const { document } = parseHTML("<!doctype html><html><head></head><body></body></html>") as unknown as {
    document: Document;
  };
  const make = maker(document);
  document.documentElement.setAttribute("lang", "en");
  const sheet = make("style");
  sheet.textContent = style;
  document.head.append(
    make("meta", { charset: "utf-8" }),
    make("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    make("title", {}, report.title),
    sheet,
  );
  const ids = sectionIds(report.sections);
  document.body.append(
    make(
      "main",
      {},
      make(
        "header",
        {},
        make("h1", {}, report.title),
        ...(report.subtitle ? [make("p", { class: "soft" }, report.subtitle)] : []),
        ...(report.sections.length > 2
          ? [
              make(
                "nav",
                { "aria-label": "Sections" },
                make(
                  "ul",
                  {},
                  ...report.sections.map((section, i) =>
                    make("li", {}, make("a", { href: `#${ids[i]!}` }, section.title)),
                  ),
                ),
              ),
            ]
          : []),
      ),
      ...report.sections.map((section, i) =>
        make(
          "section",
          { id: ids[i]! },
          make("h2", {}, section.title),
          ...(section.lead ? [make("p", {}, section.lead)] : []),
          ...section.blocks.map((block) => renderBlock(block, document, make)),
        ),
      ),
      ...(report.footer ? [make("footer", {}, report.footer)] : []),
    ),
  );
  return `${document.toString()}\n`;
}

type Make = (name: string, attributes?: Readonly<Record<string, string>>, ...children: (Element | string)[]) => Element;

const maker =
  (document: Document): Make =>
  (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

/** An id a section, of its title's letters and digits; a number tells equal ones apart. */
function sectionIds(sections: readonly ReportSection[]): readonly string[] {
  const seen = new Map<string, number>();
  return sections.map((section) => {
    const stem =
      section.title
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-|-$/g, "") || "section";
    const n = (seen.get(stem) ?? 0) + 1;
    seen.set(stem, n);
    return n === 1 ? stem : `${stem}-${n}`;
  });
}

function renderBlock(block: ReportBlock, document: Document, make: Make): Element {
  switch (block.kind) {
    case "text":
      return make("p", {}, block.text);
    case "figures":
      return renderFigures(block, make);
    case "table":
      return renderTable(block, make);
    case "history":
      return renderHistory(block, make);
    default:
      return renderChart(block, document, make);
  }
}

function renderFigures(block: FiguresBlock, make: Make): Element {
  return make(
    "dl",
    { class: "figures" },
    ...block.figures.map((figure) =>
      make(
        "div",
        {},
        make("dt", {}, figure.label),
        make("dd", { class: figure.tone ?? "plain" }, formatCell(figure.value, figure.format)),
        ...(figure.note ? [make("dd", {}, figure.note)] : []),
      ),
    ),
  );
}

function renderTable(block: TableBlock, make: Make): Element {
  const isNumber = block.columns.map((_, c) =>
    block.rows.some((row) => typeof row[c] === "number" || typeof row[c] === "bigint"),
  );
  const aligned = (c: number): Record<string, string> => (isNumber[c] ? { class: "number" } : {});
  return make(
    "div",
    { class: "scroll" },
    make(
      "table",
      {},
      ...(block.caption ? [make("caption", {}, block.caption)] : []),
      make(
        "thead",
        {},
        make("tr", {}, ...block.columns.map((column, c) => make("th", { scope: "col", ...aligned(c) }, column.name))),
      ),
      make(
        "tbody",
        {},
        ...block.rows.map((row, r) =>
          make(
            "tr",
            { class: block.tones?.[r] ?? "plain" },
            ...block.columns.map((column, c) => make("td", aligned(c), formatCell(row[c] ?? null, column.format))),
          ),
        ),
      ),
    ),
  );
}

function renderHistory(block: HistoryBlock, make: Make): Element {
  return make(
    "ol",
    { class: "history" },
    ...block.entries.map((entry) =>
      make(
        "li",
        { class: entry.tone ?? "plain" },
        make("time", { datetime: entry.at }, formatInstant(entry.at)),
        make("strong", {}, entry.what),
        ...(entry.who ? [` by ${entry.who}`] : []),
        ...(entry.note ? [make("div", { class: "soft" }, entry.note)] : []),
      ),
    ),
  );
}

function renderChart(block: ChartBlock, document: Document, make: Make): Element {
  const caption = make("figcaption", {}, block.title);
  const isEmpty = block.kind === "bars" ? block.items.length === 0 : block.series.every((series) => isBare(series));
  if (isEmpty) return make("figure", {}, caption, make("p", { class: "soft" }, "Nothing to show yet."));
  const { svg, legend } = drawChart(block, document);
  const drawing = svg as Element;
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", block.title);
  const key = make(
    "ul",
    { class: "legend" },
    ...legend.map(({ name, colour }) => make("li", {}, make("span", { style: `background: ${colour}` }), name)),
  );
  return make("figure", {}, caption, ...(legend.length > 0 ? [key] : []), drawing);
}

const isBare = (series: { readonly points?: readonly unknown[]; readonly bins?: readonly unknown[] }): boolean =>
  (series.points ?? series.bins ?? []).length === 0;
