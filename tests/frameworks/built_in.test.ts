/** Programs that know nothing of prefork: the runtimes' own servers. */
import { BUILT_IN } from "./matrix.ts";
import { shows } from "./table.ts";

shows(BUILT_IN);
