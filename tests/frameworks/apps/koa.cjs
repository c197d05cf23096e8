"use strict";
const Koa = require("koa");
const app = new Koa();

app.use((ctx) => {
  ctx.body = `Hello from ${process.pid}\n`;
});

const server = app.listen(process.env.PORT || 3000, () => {
  console.log("Listening on %j", server.address());
});
