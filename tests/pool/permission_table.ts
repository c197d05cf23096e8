/**
 * Which permission is needed for what: the rows of docs/PERMISSIONS.md, which
 * `permission.test.ts` runs.
 */

import { LOCAL } from "../command.ts";
import { USER } from "../user.ts";
import type { DeedName } from "./permission_deeds.ts";

/** Who has permissions: Bun has none. */
export const PLACES = [
  "supervisor on Deno",
  "worker on Deno",
  "supervisor on Node",
  "worker on Node",
] as const;

/** One of them. */
export type Place = (typeof PLACES)[number];

/** A permission, and what is said without it. */
export interface Need {
  /** The flag, as the page has it. */
  readonly flag: string;
  /**
   * True where the last line is not it: the runtime says it before any part of
   * prefork has loaded, or the program, which is told.
   */
  readonly earlier?: true;
  /** A sentence has this. */
  readonly says: RegExp;
  /** True where the pool goes on without. */
  readonly goesOn?: true;
}

/** Something that a pool can do. */
export interface Feature {
  /** The first cell of its row. */
  readonly name: string;
  /**
   * The options of the command for it, each set by itself; DIR is a directory
   * of the test, and PORT a free one.
   */
  readonly options: readonly (readonly string[])[];
  /** The fixture, unless it is `plain/http.mjs`. */
  readonly program?: string;
  /** What is done with it, unless it is to answer requests. */
  readonly deed?: DeedName;
  /** What it needs beside what {@linkcode ANY} needs. */
  readonly needs: Partial<Record<Place, readonly Need[]>>;
  /** Flags of {@linkcode ANY} that it does without. */
  readonly spares?: RegExp;
}

const adds = (flag: string, goesOn?: true): Need => ({
  flag,
  says: new RegExp(`(Deno|Node) does not allow .*add \\\\?"${flag}`),
  ...(goesOn && { goesOn }),
});

/** The same in a worker, whose flags are arguments of its runtime. */
const passes = (flag: string): Need => ({
  flag,
  says: new RegExp(`(Deno|Node) does not .*add "--runtime-arg ${flag}`),
});

const write = adds("--allow-write");
const writeThere: Need = {
  flag: "--allow-fs-write=DIR",
  says: /Node does not allow it, add "--allow-fs-write=\//,
};

const keeps: Need = {
  flag: "--allow-ffi",
  says:
    /Cannot use "--fd-store", because libc is missing \((Deno|Node) calls it with --allow-ffi only\)/,
};

/** What every pool needs. */
export const ANY: Feature = {
  name: "any pool",
  options: [["-s", "auto", ...LOCAL]],
  needs: {
    "supervisor on Deno": [
      adds("--allow-read"),
      adds("--allow-env"),
      adds("--allow-run"),
      { ...adds("--allow-sys"), flag: "--allow-sys=uid" },
      // Where neither is there; with that one it would be "reuseport".
      { ...adds("--allow-net"), flag: "--allow-ffi" },
    ],
    "worker on Deno": [
      passes("--allow-env"),
      {
        flag: "--allow-ffi",
        says:
          /^\[0\] .* shared and not balanced: .*"--runtime-arg --allow-ffi"/,
        goesOn: true,
      },
    ],
    "supervisor on Node": [
      { flag: "--allow-fs-read=*", says: /--allow-fs-read/, earlier: true },
      adds("--allow-child-process"),
      adds("--allow-net"),
      {
        flag: "--allow-ffi",
        says: /share=shared reason=.*--allow-ffi/,
        goesOn: true,
      },
    ],
    "worker on Node": [
      {
        flag: "--allow-fs-read=*",
        says: /"--runtime-arg --allow-fs-read=PATH"/,
        earlier: true,
      },
      passes("--allow-net"),
    ],
  },
};

/** What else there is. */
export const FEATURES: readonly Feature[] = [
  {
    name: "`--health`, `--metrics`, `--watch`, `sharded`, `handoff`",
    options: [
      ["--health", "127.0.0.1:PORT", "--watch", "-s", "sharded", ...LOCAL],
      ["--metrics", "127.0.0.1:PORT", "-s", "handoff", ...LOCAL],
    ],
    needs: { "supervisor on Deno": [], "supervisor on Node": [] },
  },
  {
    name: "`reuseport`, without `--allow-ffi`",
    options: [["-s", "reuseport", ...LOCAL]],
    needs: {
      "supervisor on Deno": [adds("--allow-net")],
      "worker on Deno": [passes("--allow-net")],
    },
    spares: /--allow-ffi/,
  },
  {
    name: "`-l unix:PATH`",
    options: [["-l", "unix:DIR/web.sock"]],
    needs: {
      "supervisor on Deno": [write],
      "supervisor on Node": [writeThere],
    },
  },
  {
    name: "the control socket",
    options: [["--control", "DIR/control.sock", ...LOCAL]],
    needs: {
      "supervisor on Deno": [
        { ...write, says: /control-off .*add \\"--allow-write/, goesOn: true },
        {
          flag: "--allow-net",
          says: /control-off .*add \\"--allow-net/,
          goesOn: true,
        },
      ],
      "supervisor on Node": [{
        ...writeThere,
        says: /control-off .*add \\"--allow-fs-write=\//,
        goesOn: true,
      }],
    },
  },
  {
    name: "`--pid-file`, `--status-file`, `--log-file`, `--output FILE`",
    options: ["--pid-file", "--status-file", "--log-file", "--output"]
      .map((option) => [option, "DIR/log", ...LOCAL]),
    needs: {
      "supervisor on Deno": [write],
      "supervisor on Node": [writeThere],
    },
  },
  {
    name: "`Deno.serve` on the pool's socket itself",
    options: [[...LOCAL]],
    program: "plain/deno_serve.ts",
    needs: {
      "worker on Deno": [{
        flag: "--allow-net",
        says: /goes through node:http.*add the flag \\"--allow-net/,
        goesOn: true,
      }],
    },
  },
  {
    name: "`-l udp://`",
    options: [["-l", "udp://127.0.0.1:0"]],
    program: "plain/udp_echo.mjs",
    needs: {
      "worker on Deno": [{
        flag: "--allow-ffi",
        says: /libc .*add "--allow-ffi" to the "--runtime-arg"/,
        earlier: true,
      }],
    },
    spares: /--allow-ffi/,
  },
  {
    name: "`--check PATH`",
    options: [["--check", "/", ...LOCAL]],
    needs: { "worker on Deno": [passes("--allow-net")] },
  },
  {
    name: "`-l fd:N`, a socket of a parent",
    options: [["-l", "fd:5"]],
    deed: "parent",
    needs: {
      "supervisor on Deno": [{
        flag: "--allow-ffi",
        says: /Cannot share fd:5 .*, use --allow-ffi, or /,
      }],
      "supervisor on Node": [],
    },
    spares: /--allow-ffi/,
  },
  {
    name: "`?cert=..&key=..` of a listener",
    options: [["-l", "127.0.0.1:0?cert=DIR/web.cert&key=DIR/web.key"]],
    deed: "tls",
    needs: {
      "supervisor on Deno": [],
      "worker on Deno": [{
        flag: "--allow-read",
        says: /its certificates cannot be read, .*"--runtime-arg --allow-read"/,
        earlier: true,
      }],
      "supervisor on Node": [],
      "worker on Node": [],
    },
  },
  {
    name: "`--user NAME`",
    options: [["--user", USER, ...LOCAL]],
    deed: "user",
    needs: {
      "supervisor on Deno": [],
      "worker on Deno": [],
      "supervisor on Node": [],
      "worker on Node": [],
    },
  },
  {
    name: "an upgrade",
    options: [[...LOCAL]],
    deed: "upgrade",
    needs: { "supervisor on Deno": [], "supervisor on Node": [] },
  },
  {
    name: "`NOTIFY_SOCKET`",
    options: [[...LOCAL]],
    deed: "manager",
    needs: { "supervisor on Deno": [], "supervisor on Node": [] },
  },
  {
    name: "`--fd-store`",
    options: [["--fd-store", ...LOCAL]],
    deed: "store",
    needs: {
      "supervisor on Deno": [keeps],
      "supervisor on Node": [keeps],
    },
    spares: /--allow-ffi/,
  },
];
