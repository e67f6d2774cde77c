import { serveRequests } from "../../demo/side-process.ts";
import { UserError } from "../../errors/user-error.ts";

export type EchoRequest =
  | { readonly kind: "echo"; readonly text: string; readonly afterMs?: number }
  | { readonly kind: "refuse" }
  | { readonly kind: "die" };

serveRequests<EchoRequest, { readonly heard: string }>(async (request, say) => {
  if (request.kind === "refuse")
    throw new UserError("not today", { code: "echo.refused", exit: "config", where: "here", next: "ask tomorrow" });
  if (request.kind === "die") process.exit(7);
  say({ heard: request.text });
  await new Promise((resolve) => setTimeout(resolve, request.afterMs ?? 0));
  return { text: request.text, bytes: new Uint8Array([1, 2]) };
});
