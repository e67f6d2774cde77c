import { type MessagePort, parentPort } from "node:worker_threads";
import type { OnnxReady, OnnxReply, OnnxRequest, OnnxTask } from "./onnx-session.ts";

/** What of ONNX Runtime is used, the same in its native and its WebAssembly package. */
interface Runtime {
  readonly env: { readonly wasm?: { numThreads?: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Session>;
  };
}
interface Tensor {
  readonly data: ArrayLike<number> & Iterable<number>;
  readonly dims: readonly number[];
  readonly type: string;
}
interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata?: readonly { readonly type?: string; readonly shape?: readonly (number | string)[] }[];
  run(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Readonly<Record<string, Tensor>>>;
}

/** The native one first; either is installed by whoever scores such a model. */
const runtimes = ["onnxruntime-node", "onnxruntime-web"];

async function load(): Promise<readonly [string, Runtime] | undefined> {
  for (const name of runtimes) {
    try {
      const found = (await import(name)) as Runtime & { readonly default?: Runtime };
      const runtime = found.InferenceSession ? found : found.default;
      if (!runtime) continue;
      if (runtime.env.wasm) runtime.env.wasm.numThreads = 1;
      return [name, runtime];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    }
  }
  return undefined;
}

parentPort?.once("message", async (task: OnnxTask) => {
  const answer = (reply: OnnxReady): void => parentPort?.postMessage(reply);
  try {
    const loaded = await load();
    if (!loaded) return answer({ kind: "no-runtime" });
    const [name, runtime] = loaded;
    const sessions = new Map<string, Session>();
    for (const { outcome, bytes } of task.graphs)
      sessions.set(
        outcome,
        await runtime.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 }),
      );
    serve(task.port, new Int32Array(task.signal), runtime, sessions);
    answer({
      kind: "ready",
      runtime: name,
      graphs: [...sessions].map(([outcome, { inputNames, outputNames, inputMetadata }]) => ({
        outcome,
        inputs: inputNames.map((input, i) => ({
          name: input,
          type: inputMetadata?.[i]?.type ?? null,
          shape: inputMetadata?.[i]?.shape ?? null,
        })),
        outputs: outputNames,
      })),
    });
  } catch (error) {
    answer({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
});

/** Answers one request after the other; the other side sleeps until the signal is raised. */
function serve(port: MessagePort, signal: Int32Array, runtime: Runtime, sessions: ReadonlyMap<string, Session>): void {
  port.on("message", async (request: OnnxRequest) => {
    let reply: OnnxReply;
    try {
      const { outcome, matrix, rows, input, output } = request;
      const tensor = new runtime.Tensor("float32", matrix, [rows, matrix.length / rows]);
      const { [output.name]: found } = await sessions.get(outcome)!.run({ [input]: tensor }, [output.name]);
      reply = { kind: "scores", scores: scoresOf(found!, rows, output.column) };
    } catch (error) {
      reply = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
    }
    port.postMessage(reply);
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
  });
}

/** One probability a row; throws when the output is anything else. */
function scoresOf({ data, dims, type }: Tensor, rows: number, column: number | null): Float64Array {
  if (type !== "float32" && type !== "float64") throw new Error(`its output is of ${type}, not of floats`);
  const width = data.length / rows;
  if (dims[0] !== rows || !Number.isInteger(width) || (column === null ? width !== 1 : column >= width))
    throw new Error(`its output is [${dims.join(", ")}] for ${rows} rows`);
  const scores = Float64Array.from({ length: rows }, (_, row) => Number(data[row * width + (column ?? 0)]));
  const odd = scores.find((score) => !(score >= 0 && score <= 1));
  if (odd !== undefined) throw new Error(`it answers ${odd}, which is no probability`);
  return scores;
}
