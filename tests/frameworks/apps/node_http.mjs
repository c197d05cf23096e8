import http from "node:http";
import process from "node:process";

const server = http.createServer((_request, response) => {
  response.end(`Hello from ${process.pid}\n`);
});
server.listen(process.env.PORT || 3000, () => {
  console.log("Listening on %j", server.address());
});
