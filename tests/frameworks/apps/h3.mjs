import { H3, serve } from "h3";
import process from "node:process";

const app = new H3().get("/", () => `Hello from ${process.pid}\n`);

const server = serve(app, { port: process.env.PORT || 3000, silent: true });
await server.ready();
console.log(`Listening on ${server.url}`);
