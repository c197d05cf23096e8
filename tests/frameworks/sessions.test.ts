/** Programs that know nothing of prefork: servers of sessions, and Next.js. */
import { SESSIONS } from "./matrix.ts";
import { shows } from "./table.ts";

shows(SESSIONS);
