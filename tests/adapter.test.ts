/** Runs the conformance suite on the adapter of the runner's runtime. */

import { loadAdapter } from "../adapters/select.ts";
import { addConformance } from "./conformance.ts";

addConformance(await loadAdapter());
