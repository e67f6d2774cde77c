import { randomBytes } from "node:crypto";
import { createReviewServer } from "../../../console/labels/review-server.ts";
import { UserError } from "../../../errors/user-error.ts";
import type { Review } from "./review.ts";

/** Serves the page on this machine, to this machine, until the person finishes or the process is told to stop. */
export const reviewOnPage: Review = async (session, evidence, world, options) => {
  const token = randomBytes(24).toString("hex");
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const app = createReviewServer({ session, evidence, token, quit: async () => finish() });
  world.signal.addEventListener("abort", finish, { once: true });
  if (world.signal.aborted) finish();
  try {
    const address = await app.listen({ host: "127.0.0.1", port: options.port }).catch((cause: unknown) => {
      throw new UserError(`nothing can listen on port ${options.port}`, {
        code: "labels.port",
        exit: "config",
        next: "inboxloop labels review --page --port 0",
        cause,
      });
    });
    world.console.note(`open ${address}/?token=${token}`);
    world.console.note("only this machine can; press q on the page, or Ctrl-C here, to finish");
    await finished;
  } finally {
    world.signal.removeEventListener("abort", finish);
    await app.close();
  }
};
