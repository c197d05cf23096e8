/** Opens a socket, starts five workers, passes signals on, waits for all. */
import process from "node:process";
import { Pool } from "../../mod.ts";

await using pool = new Pool({
  program: `${import.meta.dirname}/worker.ts`,
  listen: process.argv[2] ?? "127.0.0.1:8080",
  share: "shared",
  workers: 5,
  signals: true,
});
const events = pool.events();
await pool.start();

for await (const event of events) {
  switch (event.type) {
    case "listening":
      console.log(`Supervisor ${process.pid} listens on ${event.address}`);
      break;
    case "worker-ready":
      console.log(`Worker ${event.pid} accepts`);
      break;
    case "worker-exited":
      console.log(`Worker ${event.pid} has left`);
      break;
  }
}
console.log("All workers have left");
