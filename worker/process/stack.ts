/**
 * Tells the supervisor where this worker's event loop is when it does not turn,
 * from a thread beside it: V8 shows a thread of the same process what the main
 * one does, without a port. It takes some 10 MiB.
 *
 * @module
 */

import process from "node:process";

/**
 * What the thread runs, a script on its own. It asks the main thread whether its
 * loop turns, and when no answer comes until the next time it pauses it between
 * two of its steps, looks, and lets it go on. What it has seen it writes to the
 * channel itself: who could send it stands still.
 *
 * `connectToMainThread` is there since Node 22.11. Whoever is in the kernel is
 * paused when it comes back; that is too late to tell.
 */
const THREAD = `
const { parentPort, workerData: { fd, ms, head } } =
  require("node:worker_threads");
const { Session } = require("node:inspector");
const { writeSync } = require("node:fs");
let answered = true;
let session;
function end() {
  session?.disconnect();
  session = undefined;
}
function tell(calls) {
  const text = calls.slice(0, 32).join("\\n").slice(0, 4000);
  let rest = Buffer.from(JSON.stringify({ ...head, calls: text }) + "\\n");
  (function write() {
    try {
      rest = rest.subarray(writeSync(fd, rest));
      if (rest.length > 0) write();
    } catch (error) {
      if (error.code === "EAGAIN") setTimeout(write, 10);
    }
  })();
}
function look() {
  const urls = new Map();
  session = new Session();
  session.connectToMainThread();
  session.on("Debugger.scriptParsed", ({ params }) => {
    urls.set(params.scriptId, params.url);
  });
  session.once("Debugger.paused", ({ params }) => {
    end();
    tell(params.callFrames.map(({ functionName, location }) => {
      const { scriptId, lineNumber, columnNumber } = location;
      return (functionName || "(anonymous)") + " (" + urls.get(scriptId) +
        ":" + (lineNumber + 1) + ":" + (columnNumber + 1) + ")";
    }));
  });
  session.post("Debugger.enable");
  session.post("Debugger.pause");
}
let looked = false;
parentPort.on("message", () => {
  answered = true;
  end();
});
setInterval(() => {
  if (answered) {
    answered = looked = false;
    parentPort.postMessage(0);
  } else if (!looked) {
    looked = true;
    look();
  }
}, ms);
`;

/**
 * Starts the thread on Node: one cannot be started in a loop that does not turn.
 * It keeps nothing alive, and runs nothing of the program's.
 *
 * @param ms how long the loop may stand still
 * @param head what the message has beside the calls
 * @throws {Error} where threads are not allowed
 */
export function tellStackAfter(ms: number, head: object): void {
  // `fd` is not in the types of Node; there from 12.17 to 26.10.
  const { fd } = (process.channel ?? {}) as { readonly fd?: number };
  if (fd === undefined) return;
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const thread = new Worker(THREAD, {
    eval: true,
    // Neither what the program preloads, nor a second worker of the pool.
    execArgv: [],
    env: {},
    name: "prefork: stack",
    workerData: { fd, ms, head },
  });
  thread.on("message", () => thread.postMessage(0));
  // Without it there is no stack, which is all.
  thread.on("error", () => undefined);
  // Last, as whoever listens to it would wait for it.
  thread.unref();
}
