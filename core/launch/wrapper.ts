/**
 * What a shell does before it becomes a program in another language: only the
 * process that is to run the program knows its own id, and can give what it
 * inherits another number. Nothing of the shell is left then.
 *
 * @module
 */

import type { Host } from "../host.ts";
import type { Pass } from "../options/program.ts";

/** Knows numbers of more than one digit, as POSIX does not ask of a shell. */
export const BASH = "/bin/bash";

const SH = "/bin/sh";

/** The variable with the numbers that sockets have until then, in order. */
export const PLACE_VARIABLE = "PREFORK_PLACE";

/** What is to be done. */
export interface WrapperPlan {
  /** How the program finds its sockets. */
  readonly pass: Pass;
  /** True to give sockets the numbers 3, 4, ... */
  readonly places: boolean;
  /** Where the program says that it is ready. */
  readonly readyFd: number | undefined;
  /** True for one that has nothing to say to this process. */
  readonly outlives?: boolean;
}

/**
 * The words in front of a command; none where nothing is to be done, or there is
 * no shell for it.
 */
export function wrapperOf(
  { pass, places, readyFd, outlives = false }: WrapperPlan,
  host: Pick<Host, "exists">,
): readonly string[] {
  const steps = [
    ...(places ? [PLACE] : []),
    ...(pass === "stdin" ? ["exec <&3 3<&-"] : []),
    // The channel is the pipe of s6: a line is a line.
    ...(readyFd === undefined
      ? []
      : [`eval "exec ${readyFd}>&$NODE_CHANNEL_FD"`]),
    ...(outlives && host.exists(BASH)
      ? [`eval "exec $NODE_CHANNEL_FD>&-"`]
      : []),
    ...(readyFd === undefined && !outlives
      ? []
      : [`unset NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE`]),
    // LISTEN_PID must be the worker's own id (sd_listen_fds(3)).
    pass === "auto" || pass === "listen-fds"
      ? 'LISTEN_PID=$$ exec "$@"'
      : 'exec "$@"',
  ];
  const bash = places || outlives || readyFd !== undefined;
  const shell = bash && host.exists(BASH) ? BASH : SH;
  return steps.length === 1 && steps[0] === 'exec "$@"' || !host.exists(shell)
    ? []
    : [shell, "-c", steps.join("; "), "sh"];
}

/** Each number is beyond those that it becomes: a runtime's own come first. */
const PLACE = "i=3; " +
  `for n in $${PLACE_VARIABLE}; do ` +
  'eval "exec $i<&$n $n<&-"; i=$((i+1)); done; ' +
  `unset ${PLACE_VARIABLE} i n`;
