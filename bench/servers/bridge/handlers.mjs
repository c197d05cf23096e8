// What each program of the bridge's bench answers, by BENCH_WORKLOAD: once as
// node:http takes it, once as a fetch handler.

import { appendFileSync } from "node:fs";
import process from "node:process";

const CHUNK = new Uint8Array(64 * 1024);
const CHUNKS = 16;
// What a program keeps, a few MB, as most do. A process that keeps next to
// nothing needs a third of the full collections for what is uploaded, and half
// the CPU (findings/node_upload_collections.sh): rows would be compared by how
// little each happens to keep, and not by their bridges.
globalThis.kept = Array.from({ length: 30_000 }, (_, id) => ({
  id,
  tags: [id],
}));

const value = () => ({ id: 7, name: "prefork", tags: ["a", "b"], ok: true });

const fetchHandlers = {
  text: () => new Response("hello"),
  json: () => Response.json(value()),
  stream() {
    let left = CHUNKS;
    return new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(CHUNK);
          if (--left === 0) controller.close();
        },
      }),
    );
  },
  upload: async (request) =>
    new Response(String((await request.arrayBuffer()).byteLength)),
  unread: () => new Response("hello"),
};

const nodeHandlers = {
  text: (_request, response) => response.end("hello"),
  json(_request, response) {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(value()));
  },
  stream(_request, response) {
    let left = CHUNKS;
    const more = () => {
      while (left-- > 0) {
        if (!response.write(CHUNK)) return response.once("drain", more);
      }
      response.end();
    };
    more();
  },
  upload(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => response.end(String(Buffer.concat(chunks).length)));
  },
  unread: (_request, response) => response.end("hello"),
};

const workload = process.env.BENCH_WORKLOAD ?? "text";

export const fetch = fetchHandlers[workload];
export const listener = nodeHandlers[workload];
export const port = Number(process.env.BENCH_PORT);
export const hostname = "127.0.0.1";

/** Says which process answers. */
export function announce() {
  appendFileSync(process.env.BENCH_LOG, `ready ${process.pid}\n`);
}
