/**
 * As `preload.ts`, for a single executable application of Node: that loads what
 * `--require` of `NODE_OPTIONS` names and nothing that `--import` does (22.12 to
 * 26.10), and what is required cannot wait. On Node nothing has to.
 *
 * @module
 */

import process from "node:process";
import { patchPaths } from "./patch/path.ts";
import { start } from "./patch/start.ts";

// A thread has no channel, and what the worker starts not this variable.
if (
  process.env["PREFORK_PROTOCOL"] !== undefined && process.send !== undefined
) {
  patchPaths();
  void start();
}
