import { createHash, timingSafeEqual } from "node:crypto";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { z } from "zod";
import { choices } from "./choices.ts";
import { page, pageScript, pageStyle } from "./review-page.ts";
import { type Evidence, span } from "./review-queue.ts";
import type { ReviewSession } from "./review-session.ts";

export interface ReviewServerEnv {
  readonly session: ReviewSession;
  readonly evidence: ReadonlyMap<string, Evidence>;
  /** Whoever has it is let in; it stands in the address that is opened first. */
  readonly token: string;
  /** Lands what was said, and ends. */
  readonly quit: () => Promise<void>;
}

const cookieName = "inboxloop_review";
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

const labelCall = z.strictObject({
  place: z.int().nonnegative(),
  label: z.enum(choices.map(({ label }) => label)),
});
const placeCall = z.strictObject({ place: z.int().nonnegative().nullable() });

/**
 * The review page and what it asks for. Only this machine may listen to it; it answers to its own name alone (another site's page that
 * resolves to this machine is refused), to whoever has the token, and acts only on calls that carry a header that no form can send.
 * A message goes by its place in the session, never by its id.
 */
export function createReviewServer(env: ReviewServerEnv): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: 4096, requestTimeout: 15_000, forceCloseConnections: true });
  const wanted = digest(env.token);
  const isToken = (given: string | undefined): boolean => given !== undefined && timingSafeEqual(digest(given), wanted);
  let place = 0;
  let ended = false;

  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headers);
    const host = request.headers.host?.replace(/:\d+$/, "");
    if (host !== "127.0.0.1" && host !== "localhost") return reply.code(421).send({ error: "another-name" });
    const { token } = request.query as { token?: string };
    if (request.method === "GET" && request.url.startsWith("/?") && isToken(token))
      return reply
        .header("set-cookie", `${cookieName}=${env.token}; HttpOnly; SameSite=Strict; Path=/`)
        .redirect("/", 303);
    if (!isToken(cookieOf(request))) return reply.code(401).send({ error: "not-authentic" });
    if (request.url.startsWith("/api/") && request.headers["x-inboxloop"] !== "review")
      return reply.code(403).send({ error: "not-from-the-page" });
    return undefined;
  });
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return reply.code(status).send({ error: status < 500 ? "bad-request" : "internal" });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "no-such-route" }));

  const state = () => {
    const { current, progress } = env.session;
    const found = current && env.evidence.get(current.message_id);
    return {
      ...progress,
      place: current && !ended ? place : null,
      ended,
      evidence:
        found && !ended
          ? { ...found, events: found.events.map((one) => ({ ...one, after: span(one.seconds) })) }
          : null,
    };
  };
  /** Acts on the message that the page shows; one that is not at hand any more (a key pressed twice, another tab) changes nothing. */
  const acting =
    <Call extends { readonly place: number | null }>(
      shape: z.ZodType<Call>,
      act: (call: Call) => void,
      needsMessage: boolean,
    ) =>
    (request: FastifyRequest, reply: FastifyReply) => {
      const call = shape.safeParse(request.body);
      if (!call.success) return reply.code(400).send({ error: "bad-request" });
      const atHand = env.session.current && !ended ? place : null;
      if (ended || call.data.place !== atHand || (needsMessage && atHand === null))
        return reply.code(409).send(state());
      act(call.data);
      place += 1;
      return reply.send(state());
    };

  app.get("/", (_request, reply) => reply.type("text/html; charset=utf-8").send(page));
  app.get("/review.js", (_request, reply) => reply.type("text/javascript; charset=utf-8").send(pageScript));
  app.get("/style.css", (_request, reply) => reply.type("text/css; charset=utf-8").send(pageStyle));
  app.get("/api/state", (_request, reply) => reply.send(state()));
  app.post(
    "/api/label",
    acting(labelCall, ({ label }) => env.session.label(label), true),
  );
  app.post(
    "/api/skip",
    acting(placeCall, () => env.session.skip(), true),
  );
  app.post(
    "/api/undo",
    acting(placeCall, () => void env.session.undo(), false),
  );
  app.post("/api/quit", async (_request, reply) => {
    if (!ended) {
      ended = true;
      await env.quit();
    }
    return reply.send(state());
  });
  return app;
}

function cookieOf(request: FastifyRequest): string | undefined {
  for (const one of (request.headers.cookie ?? "").split(";")) {
    const [name, value] = one.trim().split("=", 2);
    if (name === cookieName) return value;
  }
  return undefined;
}
