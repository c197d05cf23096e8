/**
 * A session with V8's inspector on a port of this machine: JSON over a WebSocket
 * (RFC 6455). By hand, because the runtimes' own client takes Node longer to
 * load than all of this takes, while the supervisor does nothing else.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import process from "node:process";

/** A session. */
export interface Session extends Disposable {
  /** Calls a method; what it answers is a message like all others. */
  call(method: string, params?: Readonly<Record<string, unknown>>): void;
}

/** A message: the answer of a call, or an event. */
export interface InspectorMessage {
  /** The event's name. */
  readonly method?: string;
  /** What the event tells. */
  readonly params?: unknown;
}

/** More than one message has, in bytes: a script with its source map. */
const MAX_MESSAGE = 64 * 2 ** 20;

/** FIN and "text" of RFC 6455, section 5.2. */
const TEXT = 0x81;

/**
 * Opens a session, once its target is known.
 *
 * @throws {Error} when nobody answers there as an inspector does
 */
export async function openSession(
  port: number,
  onMessage: (message: InspectorMessage) => void,
): Promise<Session> {
  const list = await ask(port, "/json/list", {});
  list.socket.destroy();
  const [target] = JSON.parse(list.body) as { webSocketDebuggerUrl?: string }[];
  const url = new URL(target?.webSocketDebuggerUrl ?? "none:");
  const { socket, rest } = await ask(port, url.pathname, {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": Buffer.from("a session with it").toString("base64"),
  });
  let received = rest;
  let calls = 0;
  const read = (bytes: Buffer): void => {
    received = Buffer.concat([received, bytes]);
    for (let frame; (frame = frameIn(received)) !== undefined;) {
      received = received.subarray(frame.end);
      if (frame.opcode === 1) onMessage(JSON.parse(frame.payload.toString()));
    }
    if (received.length > MAX_MESSAGE) socket.destroy();
  };
  read(Buffer.alloc(0));
  socket.on("data", read);
  return {
    call(method, params = {}) {
      const text = JSON.stringify({ id: ++calls, method, params });
      socket.write(maskedFrame(Buffer.from(text)));
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Asks by HTTP and reads to the end of the answer, which has a length. */
function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ socket: Socket; body: string; rest: Buffer }> {
  const { connect } = process.getBuiltinModule("node:net");
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let received = Buffer.alloc(0);
    const read = (bytes: Buffer): void => {
      received = Buffer.concat([received, bytes]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = received.subarray(0, end).toString();
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      const rest = received.subarray(end + 4);
      if (rest.length < length) return;
      socket.off("data", read);
      if (!/^HTTP\/1\.[01] (?:200|101) /.test(head)) {
        socket.destroy();
        return reject(new Error(`it answers ${head.split("\r\n")[0]}`));
      }
      resolve({ socket, body: rest.subarray(0, length).toString(), rest });
    };
    socket.on("data", read);
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("it has closed")));
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  });
}

/** The first frame, when all of it is there. */
function frameIn(
  bytes: Buffer,
): { opcode: number; payload: Buffer; end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const at = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < at) return undefined;
  const length = short === 126
    ? bytes.readUInt16BE(2)
    : short === 127
    ? Number(bytes.readBigUInt64BE(2))
    : short;
  const end = at + length;
  if (bytes.length < end) return undefined;
  return { opcode: bytes[0]! & 0x0f, payload: bytes.subarray(at, end), end };
}

/** A client's frames are masked; what with is for proxies, and none is here. */
function maskedFrame(payload: Buffer): Buffer {
  const mask = [0, 0, 0, 0];
  const { length } = payload;
  const head = length < 126
    ? [TEXT, 0x80 | length]
    : [TEXT, 0x80 | 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([...head, ...mask]), payload]);
}
