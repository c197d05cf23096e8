import { createServer, type Server } from "node:http";
import process from "node:process";

interface Greeting {
  readonly text: string;
}

function greet<T extends { readonly pid: number }>({ pid }: T): Greeting {
  return { text: `Hello from ${pid}\n` };
}

const server: Server = createServer((_request, response) => {
  response.end(greet(process).text);
});
server.listen(Number(process.env["PORT"] ?? 3000), () => {
  console.log("Listening on %j", server.address());
});
