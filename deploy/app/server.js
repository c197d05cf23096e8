// The program of the recipes: it says which release it is, and can be slow.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const RELEASE = existsSync("RELEASE")
  ? readFileSync("RELEASE", "utf8").trim()
  : "1";
if (RELEASE.endsWith("broken")) throw new Error("this release does not boot");

createServer((request, response) => {
  const ms = Number(/^\/slow\/(\d+)/.exec(request.url)?.[1] ?? 0);
  setTimeout(() => {
    response.end(`release ${RELEASE} pid ${process.pid}\n`);
  }, ms);
}).listen(Number(process.env.PORT ?? 3000));
