/** A fetch handler for `deno serve`, which has no word for each thread. */

import { announce, respond } from "../app.ts";

const server: { readonly fetch: (request: Request) => Response } = {
  fetch: respond,
};
export default server;
// Once it is asked: all that the module does comes before it listens.
setTimeout(announce);
