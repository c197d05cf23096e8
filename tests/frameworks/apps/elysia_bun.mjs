// Not checked by Deno (deno.json): Elysia's types bring those of Bun for all.
import { Elysia } from "elysia";
import process from "node:process";

const app = new Elysia()
  .get("/", () => `Hello from ${process.pid}\n`)
  .listen(process.env.PORT || 3000);

console.log(`Listening on ${app.server?.hostname}:${app.server?.port}`);
