// A program whose clients keep their connections: it answers with its process.
// The argument says by which server; HTTP/2 is without TLS.

import { createServer } from "node:http";
import http2 from "node:http2";
import process from "node:process";

const place = { hostname: "127.0.0.1", port: Number(process.env.PORT) };
const answer = (_request, response) => response.end(`${process.pid}\n`);

switch (process.argv[2]) {
  case "native": {
    const fetch = () => new Response(`${process.pid}\n`);
    if (globalThis.Bun !== undefined) Bun.serve({ ...place, fetch });
    else Deno.serve({ ...place, onListen() {} }, fetch);
    break;
  }
  case "http2":
    http2.createServer(answer).listen(place.port, place.hostname);
    break;
  default:
    createServer(answer).listen(place.port, place.hostname);
}
