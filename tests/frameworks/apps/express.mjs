import express from "express";
import process from "node:process";

const app = express();
const port = process.env.PORT || 3000;

app.get("/", (_req, res) => {
  res.send(`Hello from ${process.pid}\n`);
});

const server = app.listen(port, () => {
  console.log("Listening on %j", server.address());
});
