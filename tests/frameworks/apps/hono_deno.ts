import { Hono } from "hono";

const app = new Hono();
app.get("/", (c) => c.text(`Hello from ${Deno.pid}\n`));

Deno.serve(app.fetch);
