/**
 * Connects to a Unix socket as often as it is told, all at once, and prints
 * what each connection heard. A program of its own, to be run on Node:
 * `node:net` of Bun 1.4.4 says "connect ECONNRESET" instead of giving the
 * answer when the server is done before the client has looked.
 */
import { connect } from "node:net";
import process from "node:process";

const [, , path, count] = process.argv;

const answers = Array.from({ length: Number(count) }, async () => {
  let heard = "";
  for await (const chunk of connect(path)) heard += chunk;
  return heard;
});
process.stdout.write(JSON.stringify(await Promise.all(answers)));
