/** Every worker listens on the same port. */
import { createServer } from "node:http";
import process from "node:process";
import { listen } from "../../worker.ts";

const server = createServer((request, response) => {
  console.log(`Worker ${process.pid} answers ${request.url}`);
  response.end(`Hello from ${process.pid}\n`);
});

await listen(server);
console.log(`Worker ${process.pid} started`);
