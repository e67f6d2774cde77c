import { z } from "zod";

/** A number of a warehouse's row, whichever way its engine gives it. */
export const number = z.union([z.number(), z.bigint()]).transform(Number);
/** An instant of a warehouse's row. */
export const instant = z.union([z.date(), z.string()]).transform((value) => new Date(value));
