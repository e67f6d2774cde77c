import type { ReportCell, ReportFormat } from "./report.ts";

/** Shows a value. Small shares keep two significant digits, so that 0.021 % does not become 0.0 %. */
export function formatCell(value: ReportCell, format: ReportFormat = "number"): string {
  if (value === null) return "–";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "bigint") return value.toLocaleString("en-US");
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  switch (format) {
    case "percent":
      return `${grouped(value * 100, shareDigits(value * 100))} %`;
    case "money":
      return Math.abs(value) >= 0.995 || value === 0 ? grouped(value, 2, 2) : grouped(value, 4, 2);
    case "plain":
      return String(value).replace("-", "−");
    default:
      return grouped(value, Number.isInteger(value) ? 0 : numberDigits(value));
  }
}

const grouped = (value: number, most: number, least = 0): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: most, minimumFractionDigits: least }).replace("-", "−");

const shareDigits = (percent: number): number => {
  const size = Math.abs(percent);
  return size >= 10 || size === 0 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
};

const numberDigits = (value: number): number => {
  const size = Math.abs(value);
  return size >= 1000 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4;
};

/** The day and minute of an ISO instant, in UTC; text that is no instant is left as it is. */
export function formatInstant(iso: string): string {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? iso : `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
