import { z } from "zod";

/** What is asked of devices under local differential privacy: campaign -> what a report costs and how long a period is. */
export const deviceReportDeclarations = z.record(
  z.string().min(1).max(200),
  z.strictObject({
    epsilon: z
      .literal([0.5, 1, 2, 3])
      .describe("What one report may tell of its device; a device makes two for a campaign and period."),
    period: z.enum(["day", "week", "month"]).describe("A device reports once in each; in UTC, weeks begin on Mondays."),
  }),
);
export type DeviceReportDeclarations = z.infer<typeof deviceReportDeclarations>;
