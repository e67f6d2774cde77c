import { z } from "zod";

const kinds = ["text", "texts", "number", "integer", "boolean", "time"] as const;

const attribute = z.union([
  z.enum(kinds).describe("What its values are."),
  z
    .strictObject({
      type: z.literal("text"),
      max_length: z.int().min(1).max(500).optional().describe("Letters at most; 64 when not given."),
      one_of: z.array(z.string().min(1)).min(1).optional().describe("Nothing else than these."),
    })
    .describe("A text, with more said of it."),
]);

/** What sources may say of a person: source -> attribute -> what it is. `*` is every source, `file` what comes by files, `api/<caller>` a caller of `/v1`. */
export const attributeDeclarations = z.record(
  z
    .string()
    .regex(
      /^(?:\*|file|api\/[a-z0-9][a-z0-9_.-]{0,63})$/,
      "`*`, `file` or `api/<caller>`, as in INBOXLOOP_API_KEY_<CALLER>",
    ),
  z.record(
    z
      .string()
      .regex(/^[\p{L}_][\p{L}\p{N}_ -]{0,39}$/u, "the name of an attribute: letters, digits, dashes, underscores"),
    attribute,
  ),
);
export type AttributeDeclarations = z.infer<typeof attributeDeclarations>;
