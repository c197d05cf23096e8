import { Application } from "@oakserver/oak";
import process from "node:process";

const app = new Application();

app.use((ctx) => {
  ctx.response.body = `Hello from ${process.pid}\n`;
});
app.addEventListener("listen", ({ hostname, port }) => {
  console.log(`Listening on ${hostname}:${port}`);
});

await app.listen({ port: Number(process.env.PORT || 8000) });
