import { readFile } from "node:fs/promises";
import { carriedError } from "../../errors/carried-error.ts";
import { UserError } from "../../errors/user-error.ts";
import { giveHomeKeys } from "../../platform/home-seal.ts";
import { type TrainerListener, type TrainerMessage, trainingJob } from "./job.ts";
import { runJob } from "./run-job.ts";

/**
 * The trainer's process. As a child it takes one job as a message and answers with messages. As a container (Vertex AI
 * CustomJob) it takes `--job <file>` or `--job-json <json>` and writes one JSON message a line on stdout.
 */
const send = (message: TrainerMessage): void => {
  if (process.send) process.send(message);
  else process.stdout.write(`${JSON.stringify(message)}\n`);
};

async function run(data: unknown): Promise<void> {
  giveHomeKeys(process.env);
  try {
    const job = trainingJob.parse(data);
    const listener: TrainerListener = {
      onProgress: (step, done, total) => send({ kind: "progress", step, done, total }),
      onNote: (line) => send({ kind: "note", line }),
    };
    if (job.snapshot.startsWith("gs://")) {
      const { runContainerJob } = await import("../vertex/container-job.ts");
      const { cloudStorage } = await import("../../platform/artefacts/object-store.ts");
      await runContainerJob(job, await cloudStorage(), listener);
    } else {
      await runJob(job, listener);
    }
    send({ kind: "done", path: job.output });
  } catch (error) {
    send({ kind: "failed", ...carriedError(error) });
    process.exitCode = error instanceof UserError ? error.exitCode : 1;
  }
}

if (process.send) {
  process.once("message", async (data) => {
    await run(data);
    process.disconnect();
  });
} else {
  const [option, value] = process.argv.slice(2);
  if (option === "--job" && value) await run(JSON.parse(await readFile(value, "utf8")));
  else if (option === "--job-json" && value) await run(JSON.parse(value));
  else {
    process.stderr.write("usage: trainer --job <file> | --job-json <json>\n");
    process.exitCode = 2;
  }
}
