/**
 * Reloads under load in the mode that a pool gets when nobody asks for one, from
 * a client that never retries: twenty over TCP, so that what a reload leaves
 * behind adds up, and eight over a Unix socket, where only the socket is another
 * one. Fifty of both are in `zero_loss.test.ts`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { LOCAL } from "../command.ts";
import { describe, test } from "../harness.ts";
import { ownRuntime, type Runtime } from "../runtimes.ts";
import { LINUX, reloads } from "./native_reloads.ts";

/** A server that is its runtime's own; Node has none. */
const NATIVE: Readonly<Record<Runtime, readonly [Runtime, string]>> = {
  node: ["bun", "plain/bun_serve.js"],
  bun: ["bun", "plain/bun_serve.js"],
  deno: ["deno", "plain/deno_serve.ts"],
};

const PROGRAMS = {
  "node:http on this runtime": [ownRuntime, "plain/http.mjs"],
  "a runtime's own server": NATIVE[ownRuntime],
} as const;

const TIMES = { TCP: 20, "a Unix socket": 8 } as const;

describe("reloads under load, balanced, lose and cut nothing", () => {
  for (const [what, [runtime, program]] of Object.entries(PROGRAMS)) {
    for (const [where, times] of Object.entries(TIMES)) {
      test(`${what}, ${where}`, {
        skip: LINUX,
        timeout: 120_000,
      }, async () => {
        const directory = mkdtempSync(path.join(tmpdir(), "prefork-"));
        try {
          await reloads({
            runtime,
            program: [program],
            args: where === "TCP" ? LOCAL : ["-l", `unix:${directory}/s`],
            workers: 2,
            times,
            share: "balanced",
          });
        } finally {
          rmSync(directory, { recursive: true });
        }
      });
    }
  }
});
