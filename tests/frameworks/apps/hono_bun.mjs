import { Hono } from "hono";
import process from "node:process";

const app = new Hono();
app.get("/", (c) => c.text(`Hello from ${process.pid}\n`));

export default app;
