/**
 * A check: a request of this worker alone, before it accepts, over a connection
 * that nobody else can get.
 *
 * @module
 */

import net, { type Socket } from "node:net";
import process from "node:process";
import { messageOf } from "../core/errors.ts";
import { type FromWorker, reasonOf } from "../core/protocol.ts";
import { bypass } from "./process/bypass.ts";
import { grantFor } from "./process/permission.ts";
import type { OpenProbe, Probe } from "./process/probe.ts";

/** The most of an answer's head that is read, in bytes (`http.maxHeaderSize`). */
const MAX_HEAD = 16 * 1024;

/**
 * How long the rest of an answer is read, in ms: to reset it would be an error
 * to the program.
 */
const REST_MS = 2000;

/** The first line of a response (RFC 9112). */
const STATUS = /^HTTP\/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n/;

/**
 * Makes the request and says how it was answered. Never rejects; when there is
 * no answer it does not resolve either, as the supervisor has the clock.
 *
 * @param open reaches the server; undefined where none answers HTTP/1
 */
export async function check(
  path: string,
  open: OpenProbe | undefined,
): Promise<FromWorker> {
  try {
    if (open === undefined) {
      throw new Error("no server of the program answers HTTP/1 on a listener");
    }
    const probe = await open();
    let status: number;
    let reason: string;
    try {
      [status, reason] = await ask(path, probe);
    } finally {
      probe[Symbol.dispose]();
    }
    return { type: "checked", status, reason: reasonOf(reason) };
  } catch (error) {
    const reason = reasonOf(grantFor(error) ?? error);
    return { type: "checked", status: 0, reason };
  }
}

/** The status and its text. */
function ask(path: string, probe: Probe): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const socket = bypass(() => connect(probe));
    let head = "";
    let answered = false;
    const fail = (error: unknown): void => {
      socket.destroy();
      const said = head === ""
        ? ""
        : ` after ${JSON.stringify(head.slice(0, 80))}`;
      reject(new Error(`${messageOf(error)}${said}`));
    };
    socket.on("connect", () => {
      probe.admit(socket.localPort ?? 0);
      socket.write(request(path));
    });
    socket.on("error", fail);
    socket.on("close", () => fail("the connection was closed"));
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      if (answered) return;
      head += text;
      const final = finalHead(head);
      if (final === undefined) {
        if (head.length > MAX_HEAD) fail("the head of the answer has no end");
        return;
      }
      const line = STATUS.exec(final);
      if (line === null) return fail("the answer is no HTTP/1");
      answered = true;
      setTimeout(() => socket.destroy(), REST_MS).unref();
      resolve([Number(line[1]), line[2] ?? ""]);
    });
  });
}

function request(path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    "Host: localhost",
    "User-Agent: prefork-check",
    "Accept: */*",
    "Connection: close",
    "\r\n",
  ].join("\r\n");
}

/** The head of the answer itself, once it is there; 1xx come before it. */
function finalHead(text: string): string | undefined {
  for (let rest = text;;) {
    const end = /\r?\n\r?\n/.exec(rest);
    if (end === null) return undefined;
    if (!/^HTTP\/1\.[01] 1\d\d\b/.test(rest)) return rest;
    rest = rest.slice(end.index + end[0].length);
  }
}

function connect({ at, tls }: Probe): Socket {
  const target = "port" in at ? { host: "127.0.0.1", port: at.port } : at;
  if (!tls) return net.connect(target);
  return process.getBuiltinModule("node:tls").connect({
    ...target,
    // It is this process' own, whatever name its certificate has.
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
  });
}
