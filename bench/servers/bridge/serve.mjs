// @ts-ignore: it is there once it is built.
import { serve } from "prefork/worker";
import { announce, fetch } from "./handlers.mjs";

await serve(fetch);
announce();
