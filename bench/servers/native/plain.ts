/**
 * The runtime's own server without prefork on BENCH_PORT, alone or with
 * BENCH_REUSEPORT=1 beside others.
 */

import process from "node:process";
import { announce, respond } from "../app.ts";

interface Place {
  readonly hostname: string;
  readonly port: number;
  readonly reusePort: boolean;
}

interface BunLike {
  serve(options: Place & { fetch(request: Request): Response }): unknown;
}

const place: Place = {
  hostname: "127.0.0.1",
  port: Number(process.env["BENCH_PORT"]),
  reusePort: process.env["BENCH_REUSEPORT"] !== undefined,
};
const bun = (globalThis as { readonly Bun?: BunLike }).Bun;

if (bun !== undefined) bun.serve({ ...place, fetch: respond });
else Deno.serve({ ...place, onListen() {} }, respond);
announce();
