/** The same pool, started by a program instead of by the command. */
import process from "node:process";
import { Pool } from "../../mod.ts";

await using pool = new Pool({
  program: `${import.meta.dirname}/server.ts`,
  listen: process.argv[2] ?? "127.0.0.1:8080",
  workers: 4,
  signals: true,
});
const events = pool.events();
await pool.start();
for await (const event of events) console.log(JSON.stringify(event));
