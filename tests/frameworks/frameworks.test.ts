/** Programs that know nothing of prefork: frameworks. */
import { FRAMEWORKS } from "./matrix.ts";
import { shows } from "./table.ts";

shows(FRAMEWORKS);
