import process from "node:process";

const server = Bun.serve({
  port: process.env.PORT || 3000,
  routes: {
    "/": () => new Response(`Hello from ${process.pid}\n`),
    "/health": new Response("OK"),
    "/users/:id": (request) => Response.json({ id: request.params.id }),
  },
  fetch: () => new Response("Not found", { status: 404 }),
});
console.log(`Listening on ${server.url}`);
