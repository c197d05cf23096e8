/**
 * A client that counts every datagram: each is sent once, and its answer has to
 * come. Few are on their way at once, so that no buffer of the kernel overflows.
 */

import dgram from "node:dgram";
import { readFileSync } from "node:fs";
import { patience } from "../pace.ts";

/** So many are on their way for each flow. */
const WINDOW = 4;

/** What is done meanwhile. */
export interface Counting {
  /** How many were sent. */
  readonly sent: number;
  /** How many were answered, and by whom. */
  readonly answered: ReadonlyMap<string, number>;
  /** Sends no more of their own accord; resolves when all have an answer. */
  finish(): Promise<readonly string[]>;
  /** Stops the sending, or goes on. */
  pause(on: boolean): void;
  /** Sends so many more from each flow at once. */
  burst(count: number): void;
}

/**
 * Begins to ask, from so many ports for each of these.
 *
 * @param gap a pause between an answer and the next question, in ms
 */
export function count(
  ports: readonly number[],
  flows: number,
  gap: number,
): Counting {
  const open = new Map<string, number>();
  const answered = new Map<string, number>();
  const sockets: dgram.Socket[] = [];
  const asks: (() => void)[] = [];
  let sent = 0;
  let stopped = false;
  let paused = false;
  let wake = (): void => {};
  for (const port of ports) {
    for (let flow = 0; flow < flows; flow++) {
      const socket = dgram.createSocket("udp4");
      sockets.push(socket);
      const ask = (): void => {
        const name = `${port}/${flow}/${sent++}`;
        open.set(name, port);
        socket.send(name, port, "127.0.0.1");
      };
      socket.on("message", (bytes) => {
        const [name = "", who = ""] = String(bytes).split(" ");
        if (!open.delete(name)) answered.set(`twice ${name}`, 1);
        answered.set(who, (answered.get(who) ?? 0) + 1);
        if (open.size === 0) wake();
        if (stopped || paused) return;
        if (gap === 0) ask();
        else setTimeout(() => stopped || paused || ask(), gap);
      });
      asks.push(ask);
    }
  }
  const fill = (): void => {
    for (const ask of asks) for (let i = 0; i < WINDOW; i++) ask();
  };
  fill();
  return {
    get sent() {
      return sent;
    },
    answered,
    burst(count) {
      for (const ask of asks) for (let i = 0; i < count; i++) ask();
    },
    pause(on) {
      if (paused === on) return;
      paused = on;
      if (!on) fill();
    },
    async finish() {
      stopped = true;
      if (open.size > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, patience(10_000));
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      for (const socket of sockets) socket.close();
      return [...open.keys()];
    },
  };
}

/** How many datagrams the kernel has dropped at a port: proc_net(5). */
export function dropsAt(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return readFileSync("/proc/net/udp", "utf8").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local]) => local?.endsWith(`:${hex}`))
    .reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
}
