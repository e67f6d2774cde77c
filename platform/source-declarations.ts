import { z } from "zod";

const place = z.union([
  z.strictObject({ argument: z.string().min(1) }).describe("The value of an argument of this name."),
  z.strictObject({ tag: z.string() }).describe('The rest of the first tag that begins so; `""` for the first tag.'),
  z.strictObject({ value: z.string().min(1) }).describe("This, for every mail."),
]);
const places = z.union([place, z.array(place).min(1)]).transform((given) => [given].flat());

/** Where a dimension stands in what a provider hands back. */
export type Place = z.infer<typeof place>;

export const sourceDeclarations = z.record(
  z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "the name of a provider, as in /hooks/<name>"),
  z.strictObject({
    campaign: places.optional().describe("The campaign's id, as in `raw.campaigns`."),
    variant: places.optional().describe("The variant of a test."),
    sender: places.optional().describe("The sending domain, or an address of it."),
  }),
);
export type SourceDeclarations = z.infer<typeof sourceDeclarations>;
