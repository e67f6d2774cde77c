import events from "../../includes/events.js";
import rawTables from "../../includes/raw_tables.js";
import { signalKinds } from "../consent-signals/consent-signal.ts";
import { type ApiRoute, apiRoutes, apiTables, wholeRoutes } from "./api-records.ts";

const json = (schema: object) => ({ content: { "application/json": { schema } } });
const answer = (description: string) => ({ description, ...json({ $ref: "#/components/schemas/Refusal" }) });

const refusals = {
  "401": answer("The key or the signature is missing or does not fit"),
  "408": answer("The call took too long to arrive"),
  "413": answer("The body is larger, or unpacks to more, than is read"),
  "415": answer("The body is packed in a way that is not read"),
  "429": answer("The source has used up its rate; Retry-After says when to come again"),
  "503": answer("Not now: the disk or the pipeline is behind; Retry-After says when to come again"),
};
const accepted = {
  description: "Everything in the call is durable",
  ...json({ type: "object", required: ["accepted"], properties: { accepted: { type: "integer" } } }),
};

const taken = {
  description: "What is accepted is durable and will land; what is refused is named, and kept as dead letters",
  ...json({
    type: "object",
    required: ["accepted"],
    properties: {
      accepted: { type: "integer" },
      refused_count: { type: "integer" },
      refused: {
        type: "array",
        items: {
          type: "object",
          properties: { index: { type: "integer" }, reason: { type: "string" }, detail: { type: "string" } },
        },
      },
    },
  }),
};

/** A route that takes records: events in their own shape, or rows of a raw table. */
function records(route: ApiRoute): object {
  const record =
    route === "events"
      ? { $ref: "#/components/schemas/Event" }
      : {
          type: "object",
          ...(wholeRoutes.has(route) && { additionalProperties: false }),
          properties: {
            ...Object.fromEntries(
              (rawTables.columns(apiTables[route]) as readonly { name: string }[])
                .filter(({ name }) => name !== "received_at")
                .map(({ name }) => [name, {}]),
            ),
            // In place of purpose and is_granted: docs/reference/customers.md.
            ...(route === "consents" && { signal: { type: "string", enum: signalKinds }, value: {} }),
          },
        };
  return {
    post: {
      summary:
        route === "events"
          ? "Events in Inboxloop's own shape: one, an array, or NDJSON"
          : `Rows of raw.${apiTables[route]}: one, an array, or NDJSON`,
      security: [{ key: [] }],
      parameters: [{ name: "content-encoding", in: "header", schema: { type: "string", enum: ["identity", "gzip"] } }],
      requestBody: {
        required: true,
        content: {
          "application/json": { schema: { oneOf: [record, { type: "array", items: record }] } },
          "application/x-ndjson": { schema: { type: "string", description: "A record a line" } },
        },
      },
      responses: {
        "202": taken,
        "400": answer("The body is not JSON"),
        "403": answer("This source may not send these"),
        "422": answer("No record of the call would land; each is named with its reason, and none is kept"),
        ...refusals,
      },
    },
  };
}

/** The collector's interface, as it answers at /openapi.json. `hooks` are the providers that may call. */
export function openApi(hooks: readonly string[]): object {
  return {
    openapi: "3.1.0",
    info: { title: "Inboxloop collector", version: "1" },
    paths: {
      ...Object.fromEntries(apiRoutes.map((route) => [`/v1/${route}`, records(route)])),
      "/unsubscribe/{token}": {
        post: {
          summary:
            "One click of a mail client's unsubscribe button (RFC 8058); the token is signed and names the reader",
          parameters: [{ name: "token", in: "path", required: true, schema: { type: "string" } }],
          requestBody: {
            required: true,
            content: { "application/x-www-form-urlencoded": { schema: { const: "List-Unsubscribe=One-Click" } } },
          },
          responses: { "202": accepted, "400": answer("The body is not List-Unsubscribe=One-Click"), ...refusals },
        },
        get: {
          summary: "For a reader who follows the link: a page with a button. Nothing happens by looking",
          parameters: [{ name: "token", in: "path", required: true, schema: { type: "string" } }],
          responses: { "200": { description: "The page", content: { "text/html": { schema: { type: "string" } } } } },
        },
      },
      "/hooks/{provider}": {
        post: {
          summary: "A provider's webhook call, authentic by the provider's own check",
          parameters: [
            { name: "provider", in: "path", required: true, schema: { type: "string", enum: [...hooks].sort() } },
          ],
          requestBody: { required: true, content: { "*/*": { schema: { type: "string", format: "binary" } } } },
          responses: {
            "202": accepted,
            "404": answer("No such provider, or its secrets are not configured"),
            "409": answer("The very same call was accepted before"),
            ...refusals,
          },
        },
      },
      "/healthz": { get: { summary: "The process is alive", responses: { "200": { description: "It is" } } } },
    },
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: {
        Refusal: { type: "object", required: ["error"], properties: { error: { type: "string" } } },
        Event: {
          type: "object",
          required: ["event_type", "timestamp_utc"],
          properties: {
            event_id: { type: "string", description: "Stable across redeliveries; without it the event's own digest" },
            event_type: { type: "string", enum: events.names },
            user_id_hash: { type: "string", description: "`sha256:` and 64 hex digits, kept as it is" },
            user_id: { type: "string", description: "Or an address or an id, hashed on arrival" },
            message_id: { type: "string" },
            campaign_id: { type: "string" },
            timestamp_utc: { type: "string", format: "date-time" },
            consent: { type: "boolean" },
            provenance: { type: "string" },
            metadata: {
              type: "object",
              description: "Keys on the type's allow-list are kept",
              additionalProperties: true,
            },
          },
        },
      },
    },
  };
}
