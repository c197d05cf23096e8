/**
 * The servers that unmodified programs are tested with: which program under
 * which runtime, what asks it, and why not where it does not run.
 */

import type { LoadKind } from "../strict_client.ts";
import type { Runtime } from "../runtimes.ts";

/** Why a server is not tested under a runtime. */
export interface Refusal {
  readonly refusal: string;
  /** True where nobody would look for it: the table has no word about it. */
  readonly obvious?: boolean;
}

/** A program below `apps/`, or one that is built first. */
export type App = string | Refusal;

/** What puts load on a server: a new session per request, and one that stays. */
export interface Clients {
  readonly once: LoadKind;
  readonly stays: LoadKind;
  readonly tls?: boolean;
}

/** A server. */
export interface Row {
  /** The name of its test and of its row in the table. */
  readonly name: string;
  /** The package whose version the table shows; none for a runtime's own. */
  readonly package?: string;
  readonly apps: Readonly<Record<Runtime, App>>;
  readonly clients: Clients;
  /** The line with which it says where it listens; undefined if it is silent. */
  readonly announces: RegExp | undefined;
  /** What a reader of the table should know. */
  readonly note?: string;
}

const HTTP: Clients = { once: "connect", stays: "keepalive" };
const HTTPS: Clients = { ...HTTP, tls: true };
const HTTP2: Clients = { once: "http2", stays: "http2-stays" };
const NET: Clients = { once: "ask", stays: "echo" };
const WEBSOCKET: Clients = { once: "websocket", stays: "websocket-stays" };
const SOCKET_IO: Clients = { once: "socket.io", stays: "socket.io-stays" };

const LISTENING = /listening on .*\b(\d+)\b/i;

const everywhere = (app: App): Row["apps"] => ({
  node: app,
  deno: app,
  bun: app,
});

const only = (runtime: Runtime, name: string, app: string): Row["apps"] => ({
  ...everywhere({
    refusal: `${name} is a part of ${runtime} alone`,
    obvious: true,
  }),
  [runtime]: app,
});

/** The servers of the runtimes themselves. */
export const BUILT_IN: readonly Row[] = [
  {
    name: "node:http",
    apps: everywhere("node_http.mjs"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "node:http in TypeScript",
    apps: everywhere("typescript.ts"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "node:https",
    apps: everywhere("node_https.mjs"),
    clients: HTTPS,
    announces: LISTENING,
  },
  {
    name: "node:http2 with TLS",
    apps: everywhere("node_http2.mjs"),
    clients: HTTP2,
    announces: LISTENING,
  },
  {
    name: "node:net",
    apps: everywhere("node_net.mjs"),
    clients: NET,
    announces: LISTENING,
  },
  {
    name: "Bun.serve with routes",
    apps: only("bun", "Bun.serve", "bun_serve.mjs"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "Bun.listen",
    apps: only("bun", "Bun.listen", "bun_listen.mjs"),
    clients: NET,
    announces: LISTENING,
  },
  {
    name: "Deno.serve",
    apps: only("deno", "Deno.serve", "deno_serve.ts"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "Deno.listen",
    apps: only("deno", "Deno.listen", "deno_listen.ts"),
    clients: NET,
    announces: LISTENING,
  },
  {
    name: "export default { fetch }",
    apps: everywhere("fetch_module.mjs"),
    clients: HTTP,
    announces: undefined,
  },
  {
    name: "export default (req, res)",
    apps: everywhere("handler_module.mjs"),
    clients: HTTP,
    announces: undefined,
  },
];

/** The frameworks. */
export const FRAMEWORKS: readonly Row[] = [
  {
    name: "Express",
    package: "express",
    apps: everywhere("express.mjs"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "Fastify",
    package: "fastify",
    apps: everywhere("fastify.mjs"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "Koa",
    package: "koa",
    apps: everywhere("koa.cjs"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "NestJS",
    package: "@nestjs/core",
    apps: everywhere("nest.mjs"),
    clients: HTTP,
    announces: LISTENING,
    note:
      "on its default platform, Express; its decorators called as a compiler writes them, since no runtime compiles them with metadata",
  },
  {
    name: "Hono",
    package: "hono",
    apps: {
      node: "hono_node.mjs",
      deno: "hono_deno.ts",
      bun: "hono_bun.mjs",
    },
    clients: HTTP,
    announces: /(?:listening on|development server).*\b(\d+)\b/i,
    note:
      "`serve()` of @hono/node-server on Node, `Deno.serve(app.fetch)` on Deno, `export default app` on Bun",
  },
  {
    name: "h3",
    package: "h3",
    apps: everywhere("h3.mjs"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "srvx",
    package: "srvx",
    apps: everywhere("srvx.mjs"),
    clients: HTTP,
    announces: LISTENING,
  },
  {
    name: "Elysia",
    package: "elysia",
    apps: {
      node: "elysia_node.mjs",
      deno: "elysia_deno.mjs",
      bun: "elysia_bun.mjs",
    },
    clients: HTTP,
    announces: LISTENING,
    note:
      "through @elysiajs/node on Node, `Deno.serve(app.fetch)` on Deno, `listen()` on Bun",
  },
  {
    name: "oak",
    package: "@oakserver/oak",
    apps: everywhere("oak.mjs"),
    clients: HTTP,
    announces: LISTENING,
    note: "the package of npm, which has oak's server for Node and for Bun",
  },
];

/** Servers whose sessions stay open, and Next.js. */
export const SESSIONS: readonly Row[] = [
  {
    name: "ws",
    package: "ws",
    apps: everywhere("ws.mjs"),
    clients: WEBSOCKET,
    announces: LISTENING,
  },
  {
    name: "socket.io",
    package: "socket.io",
    apps: everywhere("socket_io.mjs"),
    clients: SOCKET_IO,
    announces: LISTENING,
    note: "over WebSocket; long polling needs `handoff` with sticky sessions",
  },
  {
    name: "Next.js, standalone",
    package: "next",
    apps: everywhere("next/standalone"),
    clients: HTTP,
    announces: /Local: .*:(\d+)\b/,
    note:
      '`server.js` of `output: "standalone"`; on Deno with `--runtime-arg --unstable-detect-cjs`',
  },
  {
    name: "Next.js, next start",
    package: "next",
    apps: everywhere("next/start"),
    clients: HTTP,
    announces: /Local: .*:(\d+)\b/,
    note: "the program `next` in node_modules with the argument `start`",
  },
];

/** All of them, in the order of the table. */
export const ROWS: readonly Row[] = [...BUILT_IN, ...FRAMEWORKS, ...SESSIONS];
