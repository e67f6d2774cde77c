import type { QuickJSSyncVariant } from "@jitl/quickjs-ffi-types";
import variant from "@jitl/quickjs-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant, newVariant, type QuickJSWASMModule } from "quickjs-emscripten-core";

/** What is used of Node's WebAssembly, whose types come with browsers only. */
interface WasmApi {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<never>;
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => never;
}
const wasm = Reflect.get(globalThis, "WebAssembly") as WasmApi;
type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
/** All that an instance can ever take of this process's memory; what a function may is less. */
const memoryPages = 4096;

interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/**
 * QuickJS compiled to WebAssembly: its memory is its own, and of this process it can call what `imports` gives it and nothing
 * else. Two of those would tell it about the machine: the clock (only its random numbers are seeded by it, see `guest.ts`), and
 * the local time zone, which is UTC as in BigQuery. The names are those of the pinned build; a test runs in another time zone.
 */
const closed = () =>
  newVariant(variant as unknown as QuickJSSyncVariant, {
    emscriptenModule: {
      wasmMemory: new wasm.Memory({ initial: 256, maximum: memoryPages }),
      // Why an instance has failed is told where it was used.
      ...{ print: () => undefined, printErr: () => undefined },
      instantiateWasm(imports, onSuccess) {
        const given = (imports as Imports)["a"]!;
        const memory = given["a"] as WasmMemory;
        const own = {
          ...given,
          p: () => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
          m: (seconds: bigint, at: number) => writeUtc(memory, Number(seconds), at),
        };
        void compiled().then(async (module) => onSuccess(await wasm.instantiate(module, { ...imports, a: own })));
        return {};
      },
    },
  });

let compiling: Promise<object> | undefined;

async function compiled(): Promise<object> {
  compiling ??= import("node:fs/promises").then(async ({ readFile }) => {
    const path = new URL(import.meta.resolve("@jitl/quickjs-wasmfile-release-sync/wasm"));
    return await wasm.compile(await readFile(path));
  });
  return await compiling;
}

/** A `struct tm` of musl, in UTC. */
function writeUtc(memory: WasmMemory, seconds: number, at: number): void {
  const date = new Date(seconds * 1000);
  const yearStart = Date.UTC(date.getUTCFullYear(), 0, 1);
  const fields = [
    date.getUTCSeconds(),
    date.getUTCMinutes(),
    date.getUTCHours(),
    date.getUTCDate(),
    date.getUTCMonth(),
    date.getUTCFullYear() - 1900,
    date.getUTCDay(),
    Math.floor((date.getTime() - yearStart) / 86_400_000),
    0,
    0,
  ];
  new Int32Array(memory.buffer, at, fields.length).set(fields);
}

let loading: Promise<QuickJSWASMModule> | undefined;
let current: QuickJSWASMModule | undefined;

/** Loads QuickJS, once for the process; anew after `discard`. */
export async function loadQuickJs(): Promise<void> {
  loading ??= newQuickJSWASMModuleFromVariant(closed());
  current = await loading;
}

/** What `loadQuickJs` has loaded. Throws an Error when nothing is. */
export function quickJs(): QuickJSWASMModule {
  if (current === undefined) throw new Error("the sandbox is not loaded");
  return current;
}

/** Forgets an instance that has failed in a way of its own: nothing of it is used again. */
export function discard(): void {
  loading = undefined;
  current = undefined;
}
