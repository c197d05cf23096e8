/**
 * Follows the log of a pool from one supervisor to the next: while the old one
 * still tells what becomes of its workers, the new one is read too.
 *
 * @module
 */

import type { ControlClient } from "./client.ts";
import { objectIn } from "./program_line.ts";

/** What a supervisor says last before it hands over. */
const HANDED_OVER = "upgrade-finished";

/**
 * The same as a line of text, behind a time where there is one. What a program
 * writes has its slot in brackets in front, whatever it looks like.
 */
const TEXT = /^(?:\d[\d:.TZ+-]* )?prefork upgrade-finished .*?\bpid=(\d+)/;

/** The process to which a line says that the pool was handed over. */
export function successorIn(line: string): number | undefined {
  if (!line.includes(HANDED_OVER)) return undefined;
  const [, pid] = TEXT.exec(line) ?? [];
  if (pid !== undefined) return Number(pid);
  // An object of a program has the slot of its worker.
  const { event, pid: next, slot } = objectIn(line) ?? {};
  return event === HANDED_OVER && slot === undefined &&
      typeof next === "number"
    ? next
    : undefined;
}

/** All that a successor has kept: nobody has read any of it. */
const WHOLE = 1000;

/**
 * Reads it until no supervisor of the pool is left.
 *
 * @param take what is done with whole lines: reads on when that resolves, unless
 * with false
 * @param locate finds the socket of a process that may be about to make it, which
 * has another name where the old one still answered; undefined without any
 * @returns the process id of the last supervisor; undefined where it was enough
 */
export async function followLog(
  client: ControlClient,
  file: string,
  pid: number,
  lines: number | undefined,
  take: (text: string) => Promise<boolean>,
  locate: (pid: number) => Promise<string | undefined>,
): Promise<number | undefined> {
  let last = pid;
  let isRead = true;
  let turn: Promise<unknown> = Promise.resolve();
  const seen = new Set([pid]);
  const others: Promise<unknown>[] = [];
  // One after the other: two supervisors may have something to say at once.
  const write = (text: string): Promise<unknown> =>
    turn = turn.then(async () => {
      if (isRead) isRead = await take(text);
    });

  async function read(
    file: string,
    wanted: number | undefined,
  ): Promise<void> {
    let rest = "";
    const question = { lines: wanted, follow: true };
    await client.logs(file, question, async (text) => {
      const end = (rest + text).lastIndexOf("\n") + 1;
      const whole = (rest + text).slice(0, end);
      rest = (rest + text).slice(end);
      if (whole !== "") await write(whole);
      for (const line of whole.split("\n")) {
        const next = successorIn(line);
        if (next === undefined || seen.has(next)) continue;
        seen.add(next);
        // What is wrong with it is told when the old one has no more to say.
        others.push(follow(next).catch((error) => ({ error })));
      }
      return isRead;
    });
    if (rest !== "") await write(rest);
  }

  async function follow(next: number): Promise<void> {
    const at = await locate(next);
    if (at === undefined) return;
    last = next;
    await read(at, WHOLE);
  }

  await read(file, lines);
  // While one is read another one may come.
  for (let i = 0; i < others.length; i++) {
    const problem = await others[i] as { readonly error: unknown } | undefined;
    if (problem !== undefined) throw problem.error;
  }
  return isRead ? last : undefined;
}
