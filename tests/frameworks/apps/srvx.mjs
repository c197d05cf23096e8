import process from "node:process";
import { serve } from "srvx";

const server = serve({
  port: process.env.PORT || 3000,
  silent: true,
  fetch: () => new Response(`Hello from ${process.pid}\n`),
});
await server.ready();
console.log(`Listening on ${server.url}`);
