/**
 * Bun's own servers on the pool's sockets: reloads under load from a client
 * that never retries.
 *
 * Runs once, under bun: its workers are Bun's; supervisors of other runtimes
 * reload Bun's servers in balanced_reloads.test.ts and unmodified.test.ts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { LOCAL } from "../command.ts";
import { describe, test } from "../harness.ts";
import { BOTH, LINUX, reloads } from "./native_reloads.ts";

for (
  const [name, file, quiet] of [
    ["Bun.serve", "bun_serve_program.ts", ["quiet"]],
    ["node:http of Bun", "bun_http_program.ts", []],
  ] as const
) {
  const title = "reloads under load lose and cut nothing";
  describe(`${name} on the pool's sockets`, () => {
    for (const mode of ["balanced", "shared", "sharded"]) {
      test(`${mode}: ${title}`, { skip: LINUX }, () =>
        reloads({
          runtime: "bun",
          args: ["--share", mode, ...LOCAL],
          program: [file, "", ...quiet],
          kinds: [...BOTH, "upload"],
        }));
    }

    test(
      `TLS: ${title}`,
      { skip: LINUX },
      () =>
        reloads({
          runtime: "bun",
          program: [file, "tls", ...quiet],
          tls: true,
        }),
    );

    test(`Unix: ${title}`, { skip: LINUX }, async () => {
      const directory = mkdtempSync(path.join(tmpdir(), "prefork-"));
      try {
        await reloads({
          runtime: "bun",
          args: ["-l", `unix:${directory}/s`],
          program: [file, "", ...quiet],
        });
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
}
