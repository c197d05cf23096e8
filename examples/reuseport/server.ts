/** Every worker binds a socket of its own to the same port. */
import process from "node:process";
import { serve } from "../../worker.ts";

await serve(() => new Response(`Hello from ${process.pid}\n`));
