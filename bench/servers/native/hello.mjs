// hello.mjs as a fetch handler, for `deno serve` and a pool of the same. Nothing
// tells each worker when it listens, so it says so as soon as it is loaded.

import { appendFileSync } from "node:fs";
import process from "node:process";

export default { fetch: () => new Response("hello\n") };

appendFileSync(process.env.BENCH_LOG, `ready ${process.pid}\n`);
