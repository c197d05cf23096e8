/** The runtime's own server as a worker of a prefork pool. */

import { serve } from "../../../worker.ts";
import { announce, respond } from "../app.ts";

await serve(respond);
announce();
