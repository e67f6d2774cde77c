/** Sent by the compiler's process before its answer, when the project's JavaScript asked for something that its files do not say. */
export interface AmbientRead {
  readonly type: "ambient_read";
  readonly what: string;
}

export const isAmbientRead = (message: unknown): message is AmbientRead =>
  (message as { type?: unknown } | null)?.type === "ambient_read";

/** What `what` is when the clock was read. */
export const theClock = "the clock";

/**
 * JavaScript, run in each of the compiler's sandboxes before anything of a project's: tells `__ambient` when the clock or a random
 * number is asked for. A date made out of parts that are given is none of that. Where `held` is a time (milliseconds since 1970), it is that
 * time whenever the clock is asked, and nothing is told.
 */
const watch = (held: number | undefined): string => `(() => {
  const held = ${held ?? "undefined"};
  const told = __ambient;
  delete global.__ambient;
  const Given = Date;
  const read = Given.now;
  const now = held === undefined ? () => { told("the clock"); return read(); } : () => held;
  Given.now = function () { return now(); };
  function Watched(...given) {
    if (new.target === undefined) return new Given(now()).toString();
    if (given.length === 0) given = [now()];
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
    return (at) => format(at === undefined ? now() : at);
  } });
  const parts = formats.formatToParts;
  formats.formatToParts = function (at) { return parts.call(this, at === undefined ? now() : at); };
})()`;

/** What the compiler's process runs: Dataform's worker, its sandboxes watched, the clock held at a time where one is given. */
export const compilerBoot = (worker: string, vm2: string, held: number | undefined): string => `
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
      this.run(${JSON.stringify(watch(held))});
    }
  };
  require(${JSON.stringify(worker)});
`;
