/** The `node:http` server as a worker of a prefork pool. */

import { listen } from "../../worker.ts";
import { announce, createHello } from "./app.ts";

await listen(createHello());
announce();
