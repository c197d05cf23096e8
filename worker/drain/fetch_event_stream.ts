/**
 * Event streams of fetch handlers in the drain.
 *
 * @module
 */

import { presentCore } from "../process/worker_core.ts";
import { DRAIN_MS } from "./drain.ts";
import {
  type Boundary,
  followEvents,
  isCoded,
  isEventStream,
  SILENCE_MS,
} from "./event_boundary.ts";
import { type Spread, spreadOver } from "./spread.ts";

/** The event streams that end with one signal. */
interface Streams {
  /** What asks each of them to end, while the signal has not come. */
  readonly open: Set<() => void>;
  /** From the signal on. */
  spread?: Spread<() => void>;
}

const streamsOf = new WeakMap<AbortSignal, Streams>();

/**
 * Has a response that is an event stream (`text/event-stream`) end between two
 * events once the drain begins, so that its client reconnects and is served by
 * another worker; `cancel()` of the handler's stream is called, after `onEnd` and
 * what it returns.
 * The ends of all of them are spread over the drain. A stream that never comes
 * to an end of an event ends when it has been silent for
 * {@linkcode SILENCE_MS}. Any other response is returned as it is.
 *
 * @param draining the signal of the drain, `worker.draining`
 * @param onEnd called when the drain ends it, with the signal's reason
 */
export function endAtDrain(
  response: Response,
  draining: AbortSignal,
  onEnd?: (reason: unknown) => unknown,
): Response {
  // The type first: to look at a body can have it made.
  if (!isEventStream(response.headers.get("content-type"))) return response;
  const { body } = response;
  if (body === null || response.bodyUsed) return response;
  const events = followEvents(
    true,
    isCoded(response.headers.get("content-encoding")),
  );
  return new Response(ending(body, events, draining, onEnd), response);
}

function ending(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  events: Boundary,
  draining: AbortSignal,
  onEnd: ((reason: unknown) => unknown) | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const streams = streamsFor(draining);
  const reader = body.getReader();
  let wanted = false;
  let over = false;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

  const forget = (): void => {
    over = true;
    clearTimeout(silence);
    streams.open.delete(want);
    streams.spread?.delete(want);
  };
  const finish = (): void => {
    if (over) return;
    forget();
    controller.close();
    const { reason } = draining;
    const cancel = (): Promise<void> => reader.cancel(reason);
    Promise.resolve(onEnd?.(reason)).catch(() => {}).then(cancel)
      .catch(() => {});
  };
  const listen = (): void => {
    clearTimeout(silence);
    silence = setTimeout(finish, SILENCE_MS);
  };
  const want = (): void => {
    wanted = true;
    if (events.between) finish();
    else listen();
  };
  if (streams.spread === undefined) streams.open.add(want);
  else streams.spread.add(want);

  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (its) => void (controller = its),
    async pull() {
      let next;
      try {
        next = await reader.read();
      } catch (error) {
        if (over) return;
        forget();
        return controller.error(error);
      }
      if (over) return;
      if (next.done) {
        forget();
        return controller.close();
      }
      const end = wanted ? events.find(next.value) : undefined;
      if (end !== undefined) {
        controller.enqueue(next.value.subarray(0, end));
        return finish();
      }
      events.pass(next.value);
      controller.enqueue(next.value);
      if (wanted) listen();
    },
    cancel(reason) {
      forget();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

function streamsFor(draining: AbortSignal): Streams {
  let streams = streamsOf.get(draining);
  if (streams === undefined) {
    const made: Streams = streams = { open: new Set() };
    streamsOf.set(draining, made);
    const begin = (): void => {
      made.spread = spreadOver(made.open, windowNow(), (want) => want());
      made.open.clear();
    };
    if (draining.aborted) begin();
    else draining.addEventListener("abort", begin, { once: true });
  }
  return streams;
}

/** How long it is until the deadline of this process's drain, in ms. */
function windowNow(): number {
  const deadline = presentCore()?.worker.deadline;
  return deadline === undefined ? DRAIN_MS : deadline - performance.now();
}
