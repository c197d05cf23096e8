/**
 * One request by each protocol, to a server that has the test certificate.
 *
 * @module
 */
import http2 from "node:http2";
import https from "node:https";
import { within } from "../within.ts";
import { connect, get } from "./client.ts";

/** The kinds of servers of `worker_program.ts`. */
export type Kind = "http" | "https" | "http2" | "h2c" | "net" | "serve";

/** All kinds. */
export const KINDS: readonly Kind[] = [
  "http",
  "https",
  "http2",
  "h2c",
  "net",
  "serve",
];

/** Asks a worker once and gives its answer. */
export function ask(kind: Kind, port: number): Promise<string> {
  return within(answer(kind, port), () => `an answer by ${kind} on ${port}`);
}

async function answer(kind: Kind, port: number): Promise<string> {
  switch (kind) {
    case "http":
    case "serve":
      return await get(port);
    case "https":
      return await askHttps(port);
    case "http2":
      return await askHttp2(`https://localhost:${port}`);
    case "h2c":
      return await askHttp2(`http://127.0.0.1:${port}`);
    case "net": {
      const client = await connect(port);
      client.send("pid of echo");
      const text = await client.until(/pid of echo/);
      client.close();
      return text;
    }
  }
}

/** The part of an answer that says who gave it. */
export function isAnswerOf(kind: Kind, text: string, pid: number): boolean {
  return text.includes(kind === "net" ? "pid of echo" : `pid ${pid}`);
}

function askHttps(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    https.get({
      port,
      host: "127.0.0.1",
      servername: "localhost",
      rejectUnauthorized: false,
      agent: false,
    }, (response) => {
      let text = "";
      response.on("data", (chunk) => text += chunk);
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

/** One request on a session of its own. */
export function askHttp2(origin: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(
      origin.replace("localhost", "127.0.0.1"),
      { rejectUnauthorized: false, servername: "localhost" },
    );
    session.on("error", reject);
    const stream = session.request({ ":path": "/" });
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => text += chunk);
    stream.on("end", () => {
      session.close();
      resolve(text);
    });
    stream.on("error", reject);
    stream.end();
  });
}
