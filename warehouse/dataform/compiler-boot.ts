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

/**
 * The sandboxes watched, the clock held at a time where one is given. Where the compiler throws instead of answering, what it had in hand
 * goes with the error, as JSON: an answer that cannot be packed does not say which file it is from.
 */
const watched = (vm2: string, held: number | undefined): string => `
  const vm2 = require(${JSON.stringify(vm2)});
  const { NodeVM } = vm2;
  const read = new Set();
  const tell = (what) => {
    if (read.has(what)) return;
    read.add(what);
    process.send({ type: "ambient_read", what });
  };
  let latest;
  vm2.NodeVM = class extends NodeVM {
    constructor(options) {
      super(options);
      this.setGlobal("__ambient", tell);
      this.run(${JSON.stringify(watch(held))});
      latest = this;
    }
  };
  let projectDir;
  process.prependListener("message", (message) => { projectDir = message.projectDir; });
  const send = process.send.bind(process);
  process.send = (message, ...rest) => {
    if (typeof message === "object" && typeof message.stack === "string" && latest !== undefined) {
      const graph = 'return JSON.stringify(require("@dataform/core").session.compile())';
      try { message.graph = String(latest.run(graph, projectDir + "/index.js")); } catch {}
    }
    return send(message, ...rest);
  };
`;

/** What the compiler's process runs: Dataform's worker. */
export const compilerBoot = (worker: string, vm2: string, held: number | undefined): string =>
  `${watched(vm2, held)}require(${JSON.stringify(worker)});`;

/**
 * The same for a core before 3, which Dataform's worker of today refuses: what the worker of core 2 does (@dataform/cli 2.6.7,
 * `compile` with `useMain`). The message that it waits for has the request, encoded. Such a core finds out by the call stack which file
 * calls it; the sandbox does not show it one, so the file is kept beside, as Dataform's own worker does for core 3.0 before 3.0.57.
 */
export const bygoneCompilerBoot = (vm2: string, held: number | undefined): string => `${watched(vm2, held)}
  const path = require("node:path");
  const files = [];
  const shown = (core) => core.replace(
    /if\\s*\\(!(\\w+)\\)(?=\\s*\\{?\\s*throw new Error[(]"Unable to find valid caller file)/,
    (found, name) => "if(!" + name + ")" + name + "=__df_current();" + found,
  );
  const compile = ({ projectDir, request }) => {
    const index = path.join(projectDir, "index.js");
    const walls = { context: "sandbox", root: projectDir, external: true, builtin: ["path"] };
    const compiler = new vm2.NodeVM({ wrapper: "none", require: walls }).run('return require("@dataform/core").compiler', index);
    const core = path.join(projectDir, "node_modules", "@dataform", "core") + path.sep;
    return new vm2.NodeVM({
      wrapper: "none",
      sandbox: {
        __df_enter: (file) => { files.push(file); },
        __df_exit: () => { files.pop(); },
        __df_current: () => files[files.length - 1],
      },
      require: { ...walls, resolve: (name, parent) => path.join(parent, path.relative(parent, projectDir), name) },
      sourceExtensions: ["js", "sql", "sqlx"],
      compiler: (code, file) => "\\n__df_enter(" + JSON.stringify(file) + ");\\ntry {\\n" + compiler(file.startsWith(core) ? shown(code) : code, file) + "\\n} finally { __df_exit(); }",
    }).run('return require("@dataform/core").main("' + request + '")', index);
  };
  process.on("message", (message) => {
    try {
      process.send(compile(message));
    } catch (error) {
      process.send(Object.fromEntries(Object.getOwnPropertyNames(error).map((name) => [name, error[name]])));
    }
  });
  process.send({ type: "worker_booted" });
`;
