import process from "node:process";

export default (_req, res) => {
  res.setHeader("content-type", "text/plain");
  res.end(`Hello from ${process.pid}\n`);
};
