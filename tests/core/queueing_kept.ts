/**
 * Connections in the model that clients keep and workers may end: with an answer,
 * after which the client comes back on another one for its next request.
 */

import { exponential, type Runner } from "./queueing.ts";
import type { Load } from "./queueing_loads.ts";

/** What the clients did. */
export interface KeptClients {
  /** The load. */
  readonly load: Load;
  /** For each client, when its connections were ended by workers. */
  readonly moves: readonly (readonly number[])[];
}

/** What they are like. */
export interface Kept {
  /** How many there are. */
  readonly clients: number;
  /** Time between an answer and the next request, on average, in ms. */
  readonly think: number;
  /** What a request costs, in ms; of each client unless all cost the same. */
  readonly cost: number | ((client: number) => number);
  /** They come within so many ms. */
  readonly within: number;
}

/** Makes clients that stay for ever. */
export function kept({ clients, think, cost, within }: Kept): KeptClients {
  const moves: number[][] = Array.from({ length: clients }, () => []);
  const costOf = typeof cost === "number" ? () => cost : cost;
  const load: Load = (stage) => {
    const { timeline, random } = stage;
    const later = (act: () => void): void =>
      timeline.after(exponential(random, think), act);
    const connect = (client: number): void => {
      const since = timeline.now();
      stage.open({
        serve(runner: Runner, close) {
          const ask = (): void => {
            const began = timeline.now();
            runner.run(costOf(client), () => {
              stage.note("all", timeline.now() - began);
              const end = runner.ends?.(since);
              if (end === undefined) return later(ask);
              if (end === "moved") moves[client]!.push(timeline.now());
              close();
              later(() => connect(client));
            });
          };
          ask();
        },
      });
    };
    for (let i = 0; i < clients; i++) {
      timeline.after(1 + within * i / clients, () => connect(i));
    }
  };
  return { load, moves };
}

/** The least time between two moves of one client, in ms. */
export function shortestStay({ moves }: KeptClients): number {
  const stays = moves.flatMap((times) =>
    times.slice(1).map((time, i) => time - times[i]!)
  );
  return Math.min(Infinity, ...stays);
}
