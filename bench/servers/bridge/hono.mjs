import { serve } from "@hono/node-server";
import { announce, fetch, hostname, port } from "./handlers.mjs";

serve({ fetch, port, hostname }, announce);
