/**
 * A TCP client that never retries and says exactly what happened.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import net from "node:net";

/** A connection of the client. */
export interface Client {
  /** Everything received so far, as Latin-1. */
  text(): string;
  send(data: string | Uint8Array): void;
  /** Waits until what was received fits. */
  until(pattern: RegExp): Promise<string>;
  /** Waits for the end: "end" is a FIN, anything else an error's code. */
  readonly ended: Promise<string>;
  close(): void;
}

/** Asks for a WebSocket. */
export async function upgrade(port: number, path = "/"): Promise<Client> {
  const client = await connect(port);
  client.send(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  return client;
}

/** Connects. */
export function connect(port: number): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    let text = "";
    const looks = new Set<() => void>();
    let end!: (how: string) => void;
    const ended = new Promise<string>((done) => end = done);
    socket.on("data", (chunk: Uint8Array) => {
      // Not TextDecoder: its "latin1" is windows-1252.
      text += Buffer.from(chunk).toString("latin1");
      for (const look of [...looks]) look();
    });
    socket.on("end", () => end("end"));
    socket.on("close", () => end("closed"));
    socket.on("error", (error: Error & { code?: string }) => {
      end(error.code ?? error.message);
      reject(error);
    });
    socket.on("connect", () =>
      resolve({
        text: () => text,
        send: (data) => void socket.write(data),
        ended,
        close: () => void socket.destroy(),
        until: (pattern) =>
          new Promise((done, fail) => {
            const look = (): void => {
              if (!pattern.test(text)) return;
              looks.delete(look);
              done(text);
            };
            looks.add(look);
            look();
            void ended.then((how) => {
              look();
              fail(
                new Error(`${how} before ${pattern}: ${JSON.stringify(text)}`),
              );
            });
          }),
      }));
  });
}

/** One request on a new connection, read to its end. */
export async function get(port: number, path = "/"): Promise<string> {
  const client = await connect(port);
  client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await client.ended;
  client.close();
  return client.text();
}
