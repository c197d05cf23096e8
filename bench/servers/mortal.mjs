// A program whose worker is killed. It answers with the time at which it was
// given the connection, or the request where it is not told of connections, in
// ms since 1970. The argument says how it listens.

import { createServer } from "node:http";
import process from "node:process";

// As installed beside it, and not the package that this file is of.
const LIBRARY = "prefork/worker";

const place = { hostname: "127.0.0.1", port: Number(process.env.PORT) };
const now = () => String(performance.timeOrigin + performance.now());
const fetch = () => new Response(now());

let accepted;
const server = () =>
  createServer((_request, response) => response.end(accepted))
    .on("connection", () => accepted = now());

switch (process.argv[2]) {
  case "http":
    server().listen(place.port, place.hostname);
    break;
  case "native":
    if (globalThis.Bun !== undefined) Bun.serve({ ...place, fetch });
    else Deno.serve({ ...place, onListen() {} }, fetch);
    break;
  case "listen": {
    const { listen } = await import(LIBRARY);
    await listen(server());
    break;
  }
  case "serve": {
    const { serve } = await import(LIBRARY);
    await serve(fetch);
    break;
  }
}
