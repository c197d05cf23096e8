/** Every worker answers with its place in the pool and its process id. */
import process from "node:process";
import { attach, serve } from "../../worker.ts";

const { slot } = attach();
await serve(() =>
  new Response(`Hello from worker ${slot}, pid ${process.pid}\n`)
);
