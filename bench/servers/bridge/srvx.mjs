import { serve } from "srvx";
import { announce, fetch, hostname, port } from "./handlers.mjs";

await serve({ fetch, port, hostname, silent: true }).ready();
announce();
