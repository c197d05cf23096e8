// Not checked by Deno (deno.json): Elysia's types bring those of Bun for all.
import { node } from "@elysiajs/node";
import { Elysia } from "elysia";
import process from "node:process";

new Elysia({ adapter: node() })
  .get("/", () => `Hello from ${process.pid}\n`)
  .listen(process.env.PORT || 3000, ({ hostname, port }) => {
    console.log(`Listening on ${hostname}:${port}`);
  });
