import { z } from "zod";

const id = z.string().min(1).max(512);
const value = z.union([z.number(), z.string().max(2000), z.boolean(), z.null()]);

/** One question in a call to POST /v1/decisions. */
export const decisionQuestion = z
  .strictObject({
    /** The same request has the same decision; the Idempotency-Key header stands in for it where one question is asked. */
    request_id: id.optional(),
    user_id_hash: id.optional(),
    /** An address or an id, hashed on arrival and not kept. */
    user_id: id.optional(),
    campaign_id: id.optional(),
    policy: z.string().min(1).max(64),
    context: z.record(z.string().max(100), value).default({}),
  })
  .refine((one) => (one.user_id_hash === undefined) !== (one.user_id === undefined), {
    message: "one of user_id and user_id_hash",
  });
export type DecisionQuestion = z.infer<typeof decisionQuestion>;

export const decisionCall = z.union([
  z.strictObject({ requests: z.array(decisionQuestion).min(1).max(1000) }),
  decisionQuestion,
]);

/** POST /v1/features: values that hold until their time to live is over. */
export const featureCall = z.strictObject({
  features: z
    .array(
      z.strictObject({
        user_id_hash: id.optional(),
        user_id: id.optional(),
        values: z.record(z.string().max(100), z.union([z.number(), z.string().max(200), z.null()])),
        ttl_seconds: z
          .number()
          .positive()
          .max(90 * 86_400),
      }),
    )
    .min(1)
    .max(1000),
});
