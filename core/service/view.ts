/**
 * How a pool is, as far as a service manager wants to know it: seen in its
 * events, and in the counts of its supervisor.
 *
 * @module
 */

import { oneLine } from "../adapter/notify_socket.ts";
import type { PoolEvent } from "../events.ts";
import type { Supervisor } from "../supervise/supervisor.ts";

/** What a service does, in the words of sd_notify(3). */
export type Phase = "starting" | "ready" | "reloading" | "stopping";

/** A pool as it is now. */
export class ServiceView {
  /** What it does. */
  phase: Phase = "starting";
  /** Its workers, once it has any. */
  supervisor:
    | Pick<Supervisor, "counts" | "generation" | "health" | "wanted">
    | undefined;
  /** What it cannot mend. */
  #trouble: string | undefined;
  /** The generation of the last reload, and why it failed, if it has. */
  #reload: { readonly generation: number; readonly reason?: string } = {
    generation: 0,
  };

  /** True while it is not to be ended for the sake of its state. */
  get isWell(): boolean {
    return this.phase === "stopping" ||
      this.supervisor?.health.state !== "down";
  }

  /** Something has happened in the pool. */
  hear(event: PoolEvent): void {
    switch (event.type) {
      case "stopping":
        this.phase = "stopping";
        break;
      case "reload-started":
        this.#reload = { generation: event.generation };
        if (this.phase === "ready") this.phase = "reloading";
        break;
      case "reload-failed":
        this.#reload = {
          generation: event.generation,
          reason: oneLine(event.reason),
        };
        if (this.phase === "reloading") this.phase = "ready";
        break;
      case "reload-finished":
        if (this.phase === "reloading") this.phase = "ready";
        break;
      case "pool-degraded":
      case "pool-down":
        this.#trouble = oneLine(event.reason);
        break;
      case "pool-recovered":
        this.#trouble = undefined;
        break;
    }
  }

  /** How it is, as one line. */
  toString(): string {
    const { phase, supervisor } = this;
    if (supervisor === undefined) return phase;
    const { counts, generation, health, wanted } = supervisor;
    const ready = `${counts.ready} of ${wanted} workers ready`;
    if (phase === "stopping") return `stopping, ${counts.alive} workers left`;
    if (phase === "starting") return `starting, ${ready}`;
    if (health.state !== "well") {
      const why = this.#trouble === undefined ? "" : `: ${this.#trouble}`;
      return `${health.state}, ${ready}, generation ${generation}${why}`;
    }
    const { generation: next, reason } = this.#reload;
    if (phase === "reloading") {
      return `reloading to generation ${next}, ${ready}`;
    }
    const failed = reason === undefined
      ? ""
      : `; the reload to generation ${next} failed: ${reason}`;
    return `${ready}, generation ${generation}${failed}`;
  }
}
