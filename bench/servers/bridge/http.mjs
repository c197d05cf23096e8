import { createServer } from "node:http";
import { announce, hostname, listener, port } from "./handlers.mjs";

createServer(listener).listen(port, hostname, announce);
