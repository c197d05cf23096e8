import { serve } from "@hono/node-server";
import { Hono } from "hono";
import process from "node:process";

const app = new Hono();
app.get("/", (c) => c.text(`Hello from ${process.pid}\n`));

serve({ fetch: app.fetch, port: process.env.PORT || 3000 }, (info) => {
  console.log("Listening on %j", info);
});
