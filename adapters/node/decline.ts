/**
 * Answers for workers that are not there: by libc where Node can call it (26.9),
 * else by sockets of Node's own.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import process from "node:process";
import type { HeldSocket } from "../../core/adapter.ts";
import type { Connection } from "../../core/adapter/connection.ts";
import type { DeclineRequest, Declining } from "../../core/adapter/decline.ts";
import { declineByLibc, HEAD_MS, LINGER, verdict } from "../shared/decline.ts";
import type { NodeConnection } from "./sockets.ts";

/** Answers until disposed. */
export function decline(
  socket: HeldSocket | undefined,
  request: DeclineRequest,
): Declining {
  return declineByLibc(socket, request, fdOf) ?? declineByNode(socket, request);
}

function fdOf(connection: Connection): number {
  return (connection as NodeConnection).handle.fd ?? -1;
}

function declineByNode(
  held: HeldSocket | undefined,
  request: DeclineRequest,
): Declining {
  let count = 0;
  const take = (socket: Socket, head = ""): void =>
    turnAway(socket, request, head, () => count++);
  const accepting = held && acceptElsewhere(held, take);
  return {
    get count() {
      return count;
    },
    take: (connection, head) =>
      take((connection as NodeConnection).socket(), head),
    [Symbol.dispose]: () => accepting?.[Symbol.dispose](),
  };
}

/**
 * Accepts in a process of its own, which sends all here: libuv cannot stop to
 * accept without closing the socket, and that process has a copy of it.
 */
function acceptElsewhere(
  { fd }: HeldSocket,
  take: (socket: Socket) => void,
): Disposable {
  const program = `const { createServer } = require("node:net");
    const server = createServer({ pauseOnConnect: true }, (socket) =>
      process.send(0, socket)).listen({ fd: 3 });
    process.once("message", () => process.disconnect());
    process.once("disconnect", () => server.close());`;
  const child: ChildProcess = spawn(process.execPath, ["-e", program], {
    stdio: ["ignore", "ignore", "ignore", fd, "ipc"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  // Without it they wait.
  child.on("error", () => undefined);
  child.on("message", (_, socket) => {
    if (socket !== undefined) take(socket as Socket);
  });
  return {
    [Symbol.dispose]: () => {
      // What it has accepted comes here before that.
      if (child.connected) child.send(0, () => undefined);
    },
  };
}

/** Answers one client, in the same way as `../shared/decline.ts` does it. */
function turnAway(
  socket: Socket,
  { reply, proxy }: DeclineRequest,
  head: string,
  onAnswered: () => void,
): void {
  let answered = false;
  let drained = 0;
  const wait = (ms: number, run: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(run, ms);
  };
  const look = (ended = false): void => {
    const what = verdict(head, proxy, ended);
    if (what === "wait") return;
    if (what === "close") return void socket.destroy();
    answered = true;
    onAnswered();
    socket.end(reply);
    wait(LINGER.ms, () => socket.destroy());
  };
  let timer = setTimeout(() => look(true), HEAD_MS);
  socket.on("error", () => undefined);
  socket.on("close", () => clearTimeout(timer));
  if (reply.length === 0) {
    onAnswered();
    return void socket.destroy();
  }
  socket.on("data", (bytes) => {
    if (answered) {
      drained += bytes.length;
      if (drained > LINGER.bytes) socket.destroy();
      return;
    }
    head += bytes.toString("latin1");
    look();
  });
  socket.on("end", () => answered || look(true));
  // It was made, or accepted, without reading.
  socket.resume();
  look();
}
