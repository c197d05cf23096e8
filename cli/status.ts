/**
 * A pool as text: for `prefork status` and `prefork list`.
 *
 * @module
 */

import { basename } from "node:path";
import type { ControlIdentity } from "../core/control/verbs.ts";
import type { PoolStatus, WorkerStatus } from "../core/events.ts";
import { lineOf } from "./log_line.ts";

/** What a pool says of itself. */
export interface StatusReport {
  /** Who it is. */
  readonly pool: ControlIdentity;
  /** How it is. */
  readonly status: PoolStatus;
}

/** The pool in a line, its listeners, and a table of its workers. */
export function statusText({ pool, status }: StatusReport): string {
  const { state, ready, wanted, generation, reload, waiting, steering } =
    status;
  return [
    lineOf("text", pool.name, {
      state,
      ready: `${ready}/${wanted}`,
      generation,
      pid: pool.pid,
      runtime: pool.runtime,
      ...(waiting > 0 && { waiting }),
    }),
    ...status.listeners.map(({ name, address, share, buffer }) =>
      `listen ${address}${
        name === address ? "" : ` name=${name}`
      } share=${share}${
        buffer === undefined
          ? ""
          : ` buffered=${buffer.bytes}/${buffer.limit} dropped=${buffer.drops}`
      }`
    ),
    ...(steering === undefined ? [] : [lineOf("text", "steering", {
      by: steering.by,
      helped: steering.helped,
      reason: steering.reason,
    })]),
    ...(reload?.reason === undefined ? [] : [lineOf("text", "reload-failed", {
      generation: reload.generation,
      reason: reload.reason,
    })]),
    ...table(
      [
        "SLOT",
        "PID",
        "STATE",
        "GEN",
        "RUNTIME",
        "AGE",
        "RESTARTS",
        "CONNECTIONS",
        "REQUESTS",
      ],
      status.workers.map(row),
    ),
  ].join("\n");
}

/** One line for each pool, and for what does not answer. */
export function listText(
  pools: readonly {
    readonly file: string;
    readonly told?: StatusReport;
    readonly problem?: Error;
  }[],
): string {
  const there = pools.filter(({ told, problem }) => told ?? problem);
  if (there.length === 0) return "no pool of this user is there";
  return table(
    ["POOL", "PID", "STATE", "READY", "GEN", "LISTEN"],
    there.map(({ file, told, problem }) => {
      const name = basename(file, ".sock");
      if (told === undefined) return [name, "-", problem?.message ?? "-"];
      const { pool, status } = told;
      const { state, ready, wanted, generation, listeners } = status;
      return [
        name,
        String(pool.pid),
        state,
        `${ready}/${wanted}`,
        String(generation),
        listeners.map(({ address }) => address).join(","),
      ];
    }),
  ).join("\n");
}

function row(worker: WorkerStatus): string[] {
  const { slot, pid, state, generation, runtime, age, restarts } = worker;
  return [
    String(slot),
    String(pid),
    state,
    String(generation),
    runtime,
    ageText(age),
    String(restarts),
    String(worker.connections),
    String(worker.requests ?? "-"),
  ];
}

/** As in 12s, 5m, 3h, 2d. */
export function ageText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** Columns that are as wide as their widest cell; none for no rows. */
function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  if (rows.length === 0) return [];
  const all = [titles, ...rows];
  const widths = titles.map((_, at) =>
    Math.max(...all.map((cells) => cells[at]?.length ?? 0))
  );
  return all.map((cells) =>
    cells.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd()
  );
}
