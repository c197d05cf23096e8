import Fastify from "fastify";
import process from "node:process";

const fastify = Fastify();

fastify.get("/", (_request, reply) => {
  reply.type("text/plain").send(`Hello from ${process.pid}\n`);
});

fastify.listen({ port: process.env.PORT || 3000 }, (error, address) => {
  if (error) throw error;
  console.log(`Listening on ${address}`);
});
