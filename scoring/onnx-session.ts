import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import { UserError } from "../errors/user-error.ts";
import { startWorker } from "../platform/processes.ts";
import type { FeatureColumns } from "./feature-columns.ts";
import type { Forest } from "./forest.ts";
import type { OnnxOutcome } from "./model-record.ts";

/** A graph to load: its bytes, as they lie in the model's folder. */
export interface OnnxGraph {
  readonly outcome: string;
  readonly bytes: Uint8Array;
}
export interface OnnxTask {
  readonly graphs: readonly OnnxGraph[];
  readonly port: MessagePort;
  readonly signal: SharedArrayBuffer;
}
/** What a graph says of itself. */
export interface OnnxShape {
  readonly outcome: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly type: string | null;
    readonly shape: readonly (number | string)[] | null;
  }[];
  readonly outputs: readonly string[];
}
export type OnnxReady =
  | { readonly kind: "ready"; readonly runtime: string; readonly graphs: readonly OnnxShape[] }
  | { readonly kind: "no-runtime" }
  | { readonly kind: "failed"; readonly message: string };
export interface OnnxRequest {
  readonly outcome: string;
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly input: string;
  readonly output: OnnxOutcome["output"];
}
export type OnnxReply =
  | { readonly kind: "scores"; readonly scores: Float64Array }
  | { readonly kind: "failed"; readonly message: string };

/** Graphs in a thread of their own. */
export interface OnnxSession {
  /** The package that runs them. */
  readonly runtime: string;
  readonly graphs: readonly OnnxShape[];
  /** A graph as a forest: the same questions, the same answers. */
  scorer(outcome: string, model: OnnxOutcome): Forest;
  close(): void;
}

const memoryMb = 512;
const batchRows = 8_192;
/** For one batch: a graph that does not answer is none that a decision can wait for. */
const answerWithinMs = 60_000;

/**
 * Loads graphs into ONNX Runtime, `onnxruntime-node` where it is installed, else `onnxruntime-web`, in a thread: its sessions answer when they like, a decision
 * asks and waits. Throws UserErrors: `model.no-onnx-runtime`, `model.onnx` for a graph that cannot be loaded.
 */
export async function openOnnx(graphs: readonly OnnxGraph[], where: string): Promise<OnnxSession> {
  const worker = startWorker("./onnx-worker", import.meta.url, memoryMb);
  const { port1, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const task: OnnxTask = { graphs, port: port2, signal: signal.buffer as SharedArrayBuffer };
  const refuse = (message: string): UserError =>
    new UserError(message, { code: "model.onnx", exit: "check", where, next: "inboxloop train --trainer <command>" });
  let ready: OnnxReady;
  try {
    ready = await new Promise<OnnxReady>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(refuse("ONNX Runtime's thread ended while it loaded the graphs")));
      worker.postMessage(task, [port2]);
    });
  } catch (error) {
    await worker.terminate();
    throw error instanceof UserError ? error : refuse(`ONNX Runtime failed: ${(error as Error).message}`);
  }
  if (ready.kind !== "ready") {
    await worker.terminate();
    if (ready.kind === "failed") throw refuse(`a graph that ONNX Runtime cannot load: ${ready.message.split("\n")[0]}`);
    throw new UserError("the model is of ONNX, and no ONNX Runtime is installed", {
      code: "model.no-onnx-runtime",
      exit: "config",
      where,
      next: "npm install onnxruntime-node (or onnxruntime-web, which is WebAssembly and needs no install script)",
    });
  }
  worker.unref();
  port1.unref();
  const ask = (request: OnnxRequest): Float64Array => {
    Atomics.store(signal, 0, 0);
    port1.postMessage(request, [request.matrix.buffer as ArrayBuffer]);
    if (Atomics.wait(signal, 0, 0, answerWithinMs) === "timed-out")
      throw refuse(`the graph for ${request.outcome} did not answer within ${answerWithinMs / 1000} s`);
    const reply = receiveMessageOnPort(port1)?.message as OnnxReply | undefined;
    if (reply?.kind === "scores") return reply.scores;
    throw refuse(`the graph for ${request.outcome}: ${reply?.message.split("\n")[0] ?? "no answer"}`);
  };
  return {
    runtime: ready.runtime,
    graphs: ready.graphs,
    scorer: (outcome, model) =>
      scorerOf(model, (matrix, rows) => {
        const { input, output } = model;
        return ask({ outcome, matrix, rows, input: input.name, output });
      }),
    close: () => end(worker, port1),
  };
}

function end(worker: Worker, port: MessagePort): void {
  port.close();
  void worker.terminate();
}

function scorerOf({ input }: OnnxOutcome, ask: (matrix: Float32Array, rows: number) => Float64Array): Forest {
  const width = input.columns.length;
  const codes = input.columns.map((one) =>
    one.type === "category" ? new Map(one.values.map((value, i) => [value, i + 1])) : null,
  );

  function predict(columns: FeatureColumns, rows: number): Float64Array {
    const scores = new Float64Array(rows);
    for (let from = 0; from < rows; from += batchRows) {
      const count = Math.min(batchRows, rows - from);
      const matrix = new Float32Array(count * width);
      for (const [i, { name }] of input.columns.entries()) {
        const column = columns[name];
        if (column === undefined) throw new Error(`feature "${name}" is not among the columns`);
        const code = codes[i];
        for (let row = 0; row < count; row++) {
          const value = column[from + row]!;
          matrix[row * width + i] = code ? (code.get(value as string) ?? 0) : (value as number);
        }
      }
      scores.set(ask(matrix, count), from);
    }
    return scores;
  }

  return {
    predict,
    predictEach: (columns, rows, feature, values) =>
      values.map((value) => predict({ ...columns, [feature]: new Array<string>(rows).fill(value) }, rows)),
  };
}
