/**
 * Einhorn as the parent: it counts a worker of its own as up when that says so,
 * and has one drain by SIGUSR2 (the README of Einhorn 1.1, "Worker API"). And
 * what its children say, where this process is theirs.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { messageOf } from "../errors.ts";
import type { Host } from "../host.ts";

/** True where this process is a worker of Einhorn's. */
export function isEinhorns(
  { env, parentPid }: Pick<Host, "env" | "parentPid">,
): boolean {
  return env["EINHORN_MASTER_PID"] === String(parentPid);
}

/** Says that this process serves; resolves with why it cannot, as a sentence. */
export type Acknowledge = () => Promise<string | undefined>;

/**
 * How this process says that it serves, where Einhorn is to hear that: to the
 * path of its command socket, else by the connection that it passes on where it
 * was started with "-g". Call it before anything is opened here: Einhorn 1.1.1
 * names a descriptor that exec(2) has closed, and anything may get its number.
 */
export function acknowledgement(
  adapter: Pick<Adapter, "host" | "notifier">,
): Acknowledge {
  const { host, notifier } = adapter;
  const { EINHORN_SOCK_PATH: path, EINHORN_SOCK_FD: fd = "" } = host.env;
  if (!isEinhorns(host)) return () => Promise.resolve(undefined);
  const text = `${JSON.stringify({ command: ACK, pid: host.pid })}\n`;
  const write = /^\d{1,7}$/.test(fd) && isConnection(host, Number(fd))
    ? notifier(Number(fd), text)
    : undefined;
  return async () => {
    const problem = path !== undefined
      ? await host.say(path, text)
      : fd !== "" && `EINHORN_SOCK_FD=${fd} is no connection to it`;
    if (problem === undefined || problem === false) return undefined;
    if (write === undefined) return unheard(problem);
    try {
      write();
      return undefined;
    } catch (error) {
      return unheard(messageOf(error));
    }
  };
}

function unheard(problem: string): string {
  return `Einhorn cannot be told that the pool serves, because ${problem}: it waits for that where it was started with "-m manual"`;
}

/** A connected Unix socket without a name of its own, as connect(2) leaves it. */
function isConnection({ socketOf }: Pick<Host, "socketOf">, fd: number) {
  const facts = socketOf(fd);
  return typeof facts === "object" && facts.family === "Unix" &&
    facts.type === "stream" && !facts.listens && facts.address === undefined;
}

const ACK = "worker:ack";

/** `{"command":"worker:ack"}`, and as YAML, in any of its ways to quote. */
const SAID =
  /(?:^|[\s{,])["']?command["']?\s*:\s*["']?worker:ack["']?\s*(?:$|[,}\n])/;

/**
 * True for a line by which a child says that it is up: YAML, of which JSON is a
 * part, in one line (lib/einhorn/client.rb).
 */
export function isAcknowledgement(line: string): boolean {
  return SAID.test(line.replaceAll("%0A", "\n").replaceAll("%25", "%"));
}
