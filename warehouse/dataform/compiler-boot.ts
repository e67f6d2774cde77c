/** Sent by the compiler's process before its answer, when the project's JavaScript asked for something that its files do not say. */
export interface AmbientRead {
  readonly type: "ambient_read";
  readonly what: string;
}

export const isAmbientRead = (message: unknown): message is AmbientRead =>
  (message as { type?: unknown } | null)?.type === "ambient_read";

/**
 * JavaScript, run in each of the compiler's sandboxes before anything of a project's: tells `__ambient` when the clock or a random
 * number is asked for. A date made out of parts that are given is none of that.
 */
const watch = `(() => {
  const told = __ambient;
  delete global.__ambient;
  const Given = Date;
  const now = Given.now;
  Given.now = function () { told("the clock"); return now(); };
  function Watched(...given) {
    if (new.target === undefined) { told("the clock"); return Given(); }
    if (given.length === 0) told("the clock");
    return Reflect.construct(Given, given, new.target === Watched ? Given : new.target);
  }
  Object.defineProperty(Watched, "name", { value: "Date" });
  Object.setPrototypeOf(Watched, Given);
  Watched.prototype = Given.prototype;
  Given.prototype.constructor = Watched;
  global.Date = Watched;
  const random = Math.random;
  Math.random = function () { told("a random number"); return random(); };
  for (const name of ["hrtime", "uptime"]) {
    const read = process[name];
    if (typeof read === "function") process[name] = function (...given) { told("the clock"); return read.apply(process, given); };
  }
  const formats = Intl.DateTimeFormat.prototype;
  const { get } = Object.getOwnPropertyDescriptor(formats, "format");
  Object.defineProperty(formats, "format", { configurable: true, get() {
    const format = get.call(this);
    return (at) => { if (at === undefined) told("the clock"); return format(at); };
  } });
  const parts = formats.formatToParts;
  formats.formatToParts = function (at) { if (at === undefined) told("the clock"); return parts.call(this, at); };
})()`;

/** What the compiler's process runs: Dataform's worker, its sandboxes watched. */
export const compilerBoot = (worker: string, vm2: string): string => `
  const vm2 = require(${JSON.stringify(vm2)});
  const { NodeVM } = vm2;
  const read = new Set();
  const tell = (what) => {
    if (read.has(what)) return;
    read.add(what);
    process.send({ type: "ambient_read", what });
  };
  vm2.NodeVM = class extends NodeVM {
    constructor(options) {
      super(options);
      this.setGlobal("__ambient", tell);
      this.run(${JSON.stringify(watch)});
    }
  };
  require(${JSON.stringify(worker)});
`;
