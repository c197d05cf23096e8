import process from "node:process";

export default {
  fetch(_request) {
    return new Response(`Hello from ${process.pid}\n`);
  },
};
