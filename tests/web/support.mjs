// A server for tests, and what they wait with. The binary is named by REJOIN_BIN.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { connect, createServer } from "node:net";
import path from "node:path";

const BINARY = process.env.REJOIN_BIN ?? path.resolve(import.meta.dirname, "../../target/release/rejoin");
const VALKEY = process.env.VALKEY_SERVER ?? path.resolve(import.meta.dirname, "../../target/valkey/valkey-server");
const START_MS = 20_000;
/** Pages are those inside the binary, unless REJOIN_WEB_DIR names a folder: so they can be tried without a build. */
const { REJOIN_WEB_DIR } = process.env;
const PAGES = REJOIN_WEB_DIR ? { REJOIN_WEB_DIR } : {};

/** Children that are to end with this process, however it ends. @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

/** @param {import("node:child_process").ChildProcess} child */
function endWithThis(child) {
  children.add(child);
  child.on("exit", () => children.delete(child));
}

/** A server of a test's own, on a free port, with a data folder of its own. */
export class Server {
  /** @type {import("node:child_process").ChildProcess | null} */
  #process = null;
  #log = "";

  /**
   * @param {string} dataDir
   * @param {string[]} args
   * @param {Record<string, string | undefined>} env
   */
  constructor(dataDir, args, env) {
    this.dataDir = dataDir;
    this.args = args;
    this.env = env;
    this.port = 0;
    this.adminPort = 0;
  }

  get base() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The address of its admin listener. */
  get admin() {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  get pid() {
    return this.#process?.pid;
  }

  /** What it has printed. */
  get log() {
    return this.#log;
  }

  /** Starts it, again on the ports that it had. */
  async start() {
    const listen = ["--listen", `127.0.0.1:${this.port}`, "--data-dir", this.dataDir, "--admin-listen", `127.0.0.1:${this.adminPort}`, "--log", "warn"];
    const child = spawn(BINARY, [...listen, ...this.args], {
      env: { PATH: process.env.PATH, ...PAGES, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    endWithThis(child);
    const from = this.#log.length;
    const hear = (/** @type {Buffer} */ chunk) => void (this.#log += chunk);
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    /** @type {string | null} */
    let failure = null;
    child.on("error", (error) => (failure = error.message));
    child.on("exit", (code) => (failure ??= `it ended with ${code}`));
    const [, port, adminPort] = await until("the server listens", START_MS, () => {
      if (failure) throw new Error(`${BINARY}: ${failure}\n${this.#log.slice(from)}`);
      return /listens on http:\/\/127\.0\.0\.1:(\d+).*, admin on http:\/\/127\.0\.0\.1:(\d+)/.exec(this.#log.slice(from));
    });
    [this.port, this.adminPort] = [Number(port), Number(adminPort)];
    return this;
  }

  /** Ends it without a warning. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Ends it without a warning, and starts it again. */
  async restart() {
    await this.kill();
    await this.start();
  }

  /** Ends it, and removes its data. */
  async stop() {
    await this.#end("SIGKILL");
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}

/**
 * @param {{args?: string[], env?: Record<string, string | undefined>}} [options]
 * @returns {Promise<Server>}
 */
export async function startServer({ args = [], env = {} } = {}) {
  const dataDir = await mkdtemp(path.join(tmpdir(), "rejoin-web-"));
  return new Server(dataDir, args, env).start();
}

/** A port that is free now. @returns {Promise<number>} */
async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (listener.address());
  listener.close();
  await once(listener, "close");
  return port;
}

/**
 * A Valkey of a test's own, that keeps nothing on disk. The binary is named by VALKEY_SERVER.
 * @returns {Promise<{url: string, stop: () => Promise<void>}>}
 */
export async function startValkey() {
  const folder = await mkdtemp(path.join(tmpdir(), "rejoin-valkey-"));
  const port = await freePort();
  const child = spawn(VALKEY, ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--dir", folder], { stdio: ["ignore", "pipe", "inherit"] });
  endWithThis(child);
  let log = "";
  child.stdout.on("data", (chunk) => void (log += chunk));
  child.on("error", (error) => (log += error.message));
  await until("Valkey is ready", START_MS, () => {
    if (child.exitCode !== null) throw new Error(`${VALKEY}: ${log}`);
    return log.includes("Ready to accept connections");
  });
  const stop = async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  return { url: `valkey://127.0.0.1:${port}`, stop };
}

/**
 * Waits until `condition` gives something.
 * @template T
 * @param {string} what
 * @param {number} ms at most
 * @param {() => T | Promise<T>} condition
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, ms, condition) {
  const end = performance.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return /** @type {NonNullable<T>} */ (value);
    if (performance.now() > end) throw new Error(`not in ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Waits until the state of a Room or Solo is as it should be.
 * @template S
 * @param {{state: S, subscribe(fn: (state: S) => void): () => void}} source
 * @param {string} what
 * @param {(state: S) => unknown} isSo
 * @param {number} [ms] at most
 * @returns {Promise<S>}
 */
export function stateOf(source, what, isSo, ms = 15_000) {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      unsubscribe();
    };
    const timer = setTimeout(() => {
      done();
      reject(new Error(`not in ${ms} ms: ${what}; the state is ${JSON.stringify(source.state).slice(0, 1_500)}`));
    }, ms);
    const look = (/** @type {S} */ state) => {
      if (!isSo(state)) return;
      done();
      resolve(state);
    };
    const unsubscribe = source.subscribe(look);
    look(source.state);
  });
}

/**
 * Some answer to a question of any kind.
 * @param {{kind: string, options: {optionId: number}[]}} question
 * @param {number} [pick] which of the options, counted around
 */
export function someAnswer({ kind, options }, pick = 0) {
  const ids = options.map(({ optionId }) => optionId);
  const one = ids[pick % ids.length];
  switch (kind) {
    case "multiple":
      return { optionIds: [one] };
    case "order":
      return { optionIds: [...ids.slice(pick % ids.length), ...ids.slice(0, pick % ids.length)] };
    case "text":
      return { text: `word ${pick}` };
    case "number":
      return { number: pick + 0.5 };
    default:
      return ids.length > 0 ? { optionId: one } : { text: `word ${pick}` };
  }
}

/** A network between a client and a server, which can fail without a word. */
export class Network {
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #isDown = false;
  #listener;
  #refuses;
  /** What clients have sent. */
  sent = "";

  /**
   * @param {{port: number}} server
   * @param {{refuses?: RegExp}} [options] connections that begin with this are cut, as some firewalls do
   */
  constructor(server, { refuses } = {}) {
    this.#refuses = refuses;
    this.#listener = createServer((client) => this.#pass(client, server.port));
  }

  get base() {
    const address = /** @type {import("node:net").AddressInfo} */ (this.#listener.address());
    return `http://127.0.0.1:${address.port}`;
  }

  async start() {
    this.#listener.listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
    return this;
  }

  /** Nothing comes through the connections of now any more; new ones work. */
  freeze() {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** Nothing works until `up`. */
  down() {
    this.#isDown = true;
    this.cut();
  }

  up() {
    this.#isDown = false;
  }

  /** Ends all connections. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop() {
    this.cut();
    this.#listener.close();
  }

  /** @param {import("node:net").Socket} client @param {number} port */
  #pass(client, port) {
    if (this.#isDown) return client.destroy();
    const server = connect(port, "127.0.0.1");
    for (const [socket, other] of [[client, server], [server, client]]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (chunk) => {
      this.sent += chunk;
      if (this.#refuses?.test(String(chunk))) client.destroy();
    });
    client.pipe(server).pipe(client);
  }
}
