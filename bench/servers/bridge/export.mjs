import { announce, fetch } from "./handlers.mjs";

// The pool's worker is ready later; the client tries until it is.
announce();
export default { fetch };
