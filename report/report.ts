/** A report as plain data: what `renderReport` makes one HTML file of. Texts are plain text; nothing in them is markup. */
export interface Report {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly sections: readonly ReportSection[];
  /** Small print at the end: versions, digests, how it was made. */
  readonly footer?: string | undefined;
}

export interface ReportSection {
  readonly title: string;
  /** One or two sentences: what to see here. */
  readonly lead?: string | undefined;
  readonly blocks: readonly ReportBlock[];
}

export type ReportBlock =
  | TextBlock
  | FiguresBlock
  | TableBlock
  | TimeSeriesBlock
  | BarsBlock
  | ReliabilityBlock
  | DistributionBlock
  | HistoryBlock;

/** How a number is shown: 12,345.6 | 12.3 % | 12.30 EUR | as it stands. */
export type ReportFormat = "number" | "percent" | "money" | "plain";
export type ReportTone = "good" | "warn" | "bad" | "plain";
/** A number is shown in the format of its column; null and NaN as a dash. */
export type ReportCell = string | number | bigint | boolean | null;

export interface TextBlock {
  readonly kind: "text";
  readonly text: string;
}

/** The few numbers that matter, large. */
export interface FiguresBlock {
  readonly kind: "figures";
  readonly figures: readonly {
    readonly label: string;
    readonly value: ReportCell;
    readonly format?: ReportFormat | undefined;
    readonly note?: string | undefined;
    readonly tone?: ReportTone | undefined;
  }[];
}

export interface TableBlock {
  readonly kind: "table";
  readonly caption?: string | undefined;
  readonly columns: readonly { readonly name: string; readonly format?: ReportFormat | undefined }[];
  readonly rows: readonly (readonly ReportCell[])[];
  /** A tone for a row, by its index: a failed guardrail is `bad`. */
  readonly tones?: readonly (ReportTone | undefined)[] | undefined;
}

interface Chart {
  readonly title: string;
  readonly format?: ReportFormat | undefined;
}

/** Lines over time (UTC), with intervals where there are any. A null value breaks the line. */
export interface TimeSeriesBlock extends Chart {
  readonly kind: "time-series";
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly {
      /** ISO 8601. */
      readonly at: string;
      readonly value: number | null;
      readonly low?: number | undefined;
      readonly high?: number | undefined;
    }[];
  }[];
  readonly thresholds?: readonly { readonly label: string; readonly value: number }[] | undefined;
}

/** One bar an item, with an interval where there is one; `group` gives the colour. */
export interface BarsBlock extends Chart {
  readonly kind: "bars";
  readonly items: readonly {
    readonly label: string;
    readonly value: number;
    readonly low?: number | undefined;
    readonly high?: number | undefined;
    readonly group?: string | undefined;
  }[];
  readonly thresholds?: readonly { readonly label: string; readonly value: number }[] | undefined;
}

/** Calibration: what was predicted against what came true; the diagonal is perfect. */
export interface ReliabilityBlock extends Chart {
  readonly kind: "reliability";
  readonly series: readonly {
    readonly name: string;
    readonly bins: readonly { readonly predicted: number; readonly observed: number; readonly count: number }[];
  }[];
}

/** Histograms over the same axis, each as shares of its own total. */
export interface DistributionBlock extends Chart {
  readonly kind: "distribution";
  readonly series: readonly {
    readonly name: string;
    readonly bins: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  }[];
}

/** What was decided, in order: the release log as a person reads it. */
export interface HistoryBlock {
  readonly kind: "history";
  readonly entries: readonly {
    /** ISO 8601. */
    readonly at: string;
    readonly what: string;
    readonly who?: string | undefined;
    readonly note?: string | undefined;
    readonly tone?: ReportTone | undefined;
  }[];
}
