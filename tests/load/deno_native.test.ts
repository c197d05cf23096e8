/**
 * Deno's own servers on the pool's sockets: reloads under load from a client
 * that never retries.
 *
 * Runs once, under deno: its workers are Deno's; supervisors of other runtimes
 * reload Deno's servers in unmodified.test.ts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { LOCAL } from "../command.ts";
import { describe, test } from "../harness.ts";
import { BOTH, LINUX, type Plan, reloads } from "./native_reloads.ts";

const on = (plan: Omit<Plan, "runtime">): Promise<void> =>
  reloads({ runtime: "deno", ...plan });

describe("Deno.serve on the pool's sockets", () => {
  for (const mode of ["balanced", "shared", "sharded"]) {
    test(`${mode}: reloads under load lose and cut nothing`, {
      skip: LINUX,
    }, () =>
      on({
        args: ["--share", mode, ...LOCAL],
        program: ["deno_serve_program.ts"],
        kinds: [...BOTH, "upload"],
      }));
  }

  test(
    "TLS: reloads under load lose and cut nothing",
    { skip: LINUX },
    () => on({ program: ["deno_serve_program.ts", "tls"], tls: true }),
  );

  test("Unix: reloads under load lose and cut nothing", {
    skip: LINUX,
  }, async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "prefork-"));
    try {
      await on({
        args: ["-l", `unix:${directory}/s`],
        program: ["deno_serve_program.ts", "unix"],
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("Deno.listen on the pool's sockets", () => {
  for (const mode of ["balanced", "shared", "sharded"]) {
    for (const how of ["loop", "iterator"]) {
      test(`${mode}, ${how}: reloads under load lose and cut nothing`, {
        skip: LINUX,
      }, () =>
        on({
          args: ["--share", mode, ...LOCAL],
          program: ["deno_listen_program.ts", how],
          kinds: ["echo"],
        }));
    }
  }

  test("listenTls: reloads under load lose and cut nothing", {
    skip: LINUX,
  }, () =>
    on({
      program: ["deno_listen_program.ts", "tls"],
      kinds: ["echo"],
      tls: true,
    }));
});
