// Not checked by Deno (deno.json): Elysia's types bring those of Bun for all.
import { Elysia } from "elysia";

const app = new Elysia().get("/", () => `Hello from ${Deno.pid}\n`);

Deno.serve(app.fetch);
