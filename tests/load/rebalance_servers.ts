/**
 * Which connections a worker ends when it holds too many, by its server: what
 * the table of docs/BALANCE.md says, and the tests show.
 */
import type { LoadKind } from "../strict_client.ts";
import type { Runtime } from "../runtimes.ts";

/** One kind of connection of one server. */
export interface RebalancedServer {
  /** As the docs name it. */
  readonly server: string;
  /** Whose worker it is. */
  readonly runtimes: readonly Runtime[];
  /** What its clients speak. */
  readonly protocol: "HTTP/1.1" | "HTTP/2" | "WebSocket" | "other";
  /** How one ends, or why none does. */
  readonly end: string;
  /** The program that shows it; undefined where another one has. */
  readonly shown?: {
    readonly program: string;
    readonly kind: LoadKind;
    readonly tls?: true;
  };
}

const ALL: readonly Runtime[] = ["node", "deno", "bun"];
const CLOSE = "`Connection: close` on the next answer";
const GOAWAY = "GOAWAY after a stream, twice, a second apart";
const FRAME = "a Close frame, 1001, with `websockets` alone";

const APPS = "../frameworks/apps";

/** All of them. */
export const SERVERS: readonly RebalancedServer[] = [
  {
    server: "`node:http`",
    runtimes: ALL,
    protocol: "HTTP/1.1",
    end: CLOSE,
    shown: { program: `${APPS}/ws.mjs`, kind: "keepalive" },
  },
  {
    server: "`node:http`",
    runtimes: ALL,
    protocol: "WebSocket",
    end: FRAME,
    shown: { program: `${APPS}/ws.mjs`, kind: "websocket-stays" },
  },
  {
    server: "`node:https`",
    runtimes: ALL,
    protocol: "HTTP/1.1",
    end: CLOSE,
    shown: { program: `${APPS}/node_https.mjs`, kind: "keepalive", tls: true },
  },
  {
    server: "`node:http2`",
    runtimes: ALL,
    protocol: "HTTP/2",
    end: GOAWAY,
    shown: { program: `${APPS}/node_http2.mjs`, kind: "http2-stays" },
  },
  {
    server: "`serve()`, `export default { fetch }`",
    runtimes: ["node"],
    protocol: "HTTP/1.1",
    end: CLOSE,
    shown: { program: `${APPS}/fetch_module.mjs`, kind: "keepalive" },
  },
  {
    server: "`Bun.serve`, handlers",
    runtimes: ["bun"],
    protocol: "HTTP/1.1",
    end: CLOSE,
    shown: { program: `${APPS}/bun_serve.mjs`, kind: "keepalive" },
  },
  {
    server: "`Deno.serve`",
    runtimes: ["deno"],
    protocol: "HTTP/1.1",
    end: CLOSE,
    shown: { program: `${APPS}/deno_serve.ts`, kind: "keepalive" },
  },
  {
    server: "`Bun.serve`, `Deno.serve`",
    runtimes: ["bun", "deno"],
    protocol: "WebSocket",
    end: FRAME,
    shown: { program: "plain/own_websocket.mjs", kind: "websocket-stays" },
  },
  {
    server: "the same",
    runtimes: ["bun", "deno"],
    protocol: "HTTP/2",
    end: "nothing: only the whole server can send GOAWAY",
  },
  {
    server: "the same, at a Unix socket",
    runtimes: ["bun", "deno"],
    protocol: "HTTP/1.1",
    end: "nothing: its clients have no names by which to tell them apart",
  },
  {
    server: "`Bun.serve`, fixed routes",
    runtimes: ["bun"],
    protocol: "HTTP/1.1",
    end: "nothing: Bun answers them itself",
  },
  {
    server: "`node:net`, `Bun.listen`, `Deno.listen`",
    runtimes: ALL,
    protocol: "other",
    end: "nothing: only the program knows when one is idle",
  },
];

/** The table of docs/BALANCE.md. */
export function tableOf(servers: readonly RebalancedServer[]): string[][] {
  return servers.map(({ server, runtimes, protocol, end }) => [
    server,
    runtimes.length === ALL.length ? "all" : runtimes.join(", "),
    protocol,
    end,
  ]);
}
