import https from "node:https";
import process from "node:process";
import { cert, key } from "../../fixtures/worker_tls.ts";

const server = https.createServer({ key, cert }, (_request, response) => {
  response.end(`Hello from ${process.pid}\n`);
});
server.listen(process.env.PORT || 3000, () => {
  console.log("Listening on %j", server.address());
});
