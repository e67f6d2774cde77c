import { z } from "zod";
import { decisionCall, featureCall } from "./requests.ts";

const json = (schema: object) => ({ content: { "application/json": { schema } } });
const answer = (description: string) => ({ description, ...json({ $ref: "#/components/schemas/Refusal" }) });
const refusals = {
  "400": answer("The body is not what is asked for"),
  "401": answer("The key is missing or does not fit"),
  "403": answer("The key is not for this purpose"),
  "429": answer("The caller has used up its rate; Retry-After says when to come again"),
};
const id = (name: string) => ({ name, in: "path", required: true, schema: { type: "string" } });
const secured = [{ key: [] }];

/** The service's interface, as it answers at /openapi.json. */
export function serviceOpenApi(): object {
  return {
    openapi: "3.1.0",
    info: { title: "Inboxloop decisions", version: "1" },
    paths: {
      "/v1/decisions": {
        post: {
          summary: "What to send to a person, when, or that nothing is sent: one question or several",
          security: secured,
          parameters: [{ name: "idempotency-key", in: "header", schema: { type: "string" } }],
          requestBody: { required: true, ...json(z.toJSONSchema(decisionCall, { io: "input" })) },
          responses: {
            "200": {
              description: "The decision; the one that was made before where the request was asked before",
              ...json({ type: "object" }),
            },
            "404": answer("No such policy"),
            "503": answer("Nothing could be decided and kept; the answer says to send nothing"),
            ...refusals,
          },
        },
      },
      "/v1/customers/{id}/features": {
        get: {
          summary: "What is served of a person: value, age and status of each feature",
          security: secured,
          parameters: [id("id")],
          responses: {
            "200": { description: "The features", ...json({ type: "object" }) },
            "404": answer("Nobody knows the person"),
            ...refusals,
          },
        },
      },
      "/v1/features": {
        post: {
          summary: "Set features that hold until their time to live is over",
          security: secured,
          requestBody: { required: true, ...json(z.toJSONSchema(featureCall, { io: "input" })) },
          responses: { "200": { description: "How many people were known", ...json({ type: "object" }) }, ...refusals },
        },
      },
      "/v1/decisions/{id}/why": {
        get: {
          summary: "Why a decision, or the decision of a message, came out as it did",
          security: secured,
          parameters: [id("id"), { name: "compared_to", in: "query", schema: { type: "string" } }],
          responses: {
            "200": { description: "Each step and what it saw", ...json({ type: "object" }) },
            "404": answer("No such decision"),
            ...refusals,
          },
        },
      },
      "/healthz": { get: { summary: "The process is alive", responses: { "200": { description: "It is" } } } },
    },
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: {
        Refusal: {
          type: "object",
          required: ["error"],
          properties: { error: { type: "string" }, detail: { type: "string" }, action: { const: "suppress" } },
        },
      },
    },
  };
}
