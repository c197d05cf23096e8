import http2 from "node:http2";
import process from "node:process";
import { cert, key } from "../../fixtures/worker_tls.ts";

const server = http2.createSecureServer({ key, cert });
server.on("error", (error) => console.error(error));
server.on("stream", (stream) => {
  stream.respond({ ":status": 200 });
  stream.end(`Hello from ${process.pid}\n`);
});
server.listen(process.env.PORT || 3000, () => {
  console.log("Listening on %j", server.address());
});
