/**
 * Which of the sockets that this process was started with are the pool's
 * listeners: those that are asked for by name, those whose address is asked
 * for, and all where nothing is asked for.
 *
 * @module
 */

import { PreforkError } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  type Address,
  formatAddress,
  type ListenerSpec,
  parseListener,
} from "../options/address.ts";
import {
  type Announced,
  type Announcements,
  announcements,
  inBetween,
} from "./environment.ts";
import { KEPT_PREFIX } from "./names.ts";
import type { PoolAsks } from "./pools.ts";
import { socketProblem } from "./socket.ts";

/** The host, as far as it knows of sockets. */
type Place = Pick<Host, "neighboursOf" | "resolve" | "socketOf">;

/** A socket of this process' parent that a pool can listen on. */
export interface Passed extends Announced {
  /** Where it is bound. */
  readonly address: Address;
}

/** All that a parent has passed on. */
export interface Inherited {
  /** What can be listened on. */
  readonly sockets: readonly Passed[];
  /** What is wrong with the rest, a sentence each. */
  readonly problems: readonly string[];
  /** See {@linkcode Announcements.ignored}. */
  readonly ignored: Announcements["ignored"];
  /** Who has been passed sockets in place of this process, as a sentence. */
  readonly between?: string | undefined;
}

/** Where a pool listens, and what the operator should know of that. */
export interface Chosen {
  /** Its listeners; undefined where nothing is asked for, or passed on. */
  readonly specs: readonly ListenerSpec[] | undefined;
  /** A sentence for each socket that is not used. */
  readonly notes: readonly string[];
}

/**
 * Reads what this process' parent says, and looks at each of its sockets.
 *
 * @param keptToo false to leave out what a service manager has kept of a pool,
 * where that has been taken over by now: its numbers may be others' already
 */
export function inheritedBy(host: Host, keptToo = true): Inherited {
  const { sockets, problems, ignored } = announcements(host.env, host);
  const passed: Passed[] = [];
  const wrong = new Map<string, { numbers: number[]; variable: string }>();
  for (const each of sockets) {
    if (!keptToo && each.name?.startsWith(KEPT_PREFIX)) continue;
    const facts = host.socketOf(each.fd);
    const problem = socketProblem(facts);
    if (problem === undefined && typeof facts !== "string") {
      passed.push({ ...each, address: facts.address! });
      continue;
    }
    const { variable } = each;
    const key = `${variable} ${problem}`;
    const known = wrong.get(key)?.numbers ?? [];
    wrong.set(key, { variable, numbers: [...known, each.fd] });
  }
  return {
    sockets: passed,
    problems: [
      ...problems,
      ...[...wrong].map(([key, { variable, numbers }]) =>
        `${variable} names file descriptor ${spans(numbers)}, which ${
          key.slice(variable.length + 1)
        }`
      ),
    ],
    ignored,
    between: inBetween(host.env, host),
  };
}

/**
 * Finds the listeners among the sockets.
 *
 * @param asked what the user has asked for; undefined for nothing
 * @param monitors further addresses that this pool asks for
 * @param others what other pools of this process ask for
 * @throws {PreforkError} `ERR_BIND` where what is asked for by name is not
 * there, and where all that there is cannot be used
 */
export function chooseInherited(
  asked: readonly ListenerSpec[] | undefined,
  inherited: Inherited,
  host: Place,
  monitors: readonly (ListenerSpec | undefined)[] = [],
  others: readonly PoolAsks[] = [],
): Chosen {
  const { sockets, problems, between } = inherited;
  const lost = between === undefined ? [] : [between];
  const taken = new Set([
    ...monitors.map((spec) => spec && numberOf(siteOf(spec, inherited, host))),
    ...others.flatMap(({ learns, listeners, health, metrics }) =>
      [learns ? [] : listeners, health ?? [], metrics ?? []].flat()
    ).flatMap((spec) => numbersOf(spec, sockets, host)),
  ]);
  if (asked === undefined) {
    const free = sockets.filter(({ fd }) => !taken.has(fd));
    if (free.length > 0) {
      const specs = named(free.map(specOf));
      return { specs, notes: [...problems, ...waitNotes(specs, host)] };
    }
    if (problems.length === 0) return { specs: undefined, notes: lost };
    throw new PreforkError(
      "ERR_BIND",
      `Cannot listen on what the parent of this process passes on: ${
        problems.join("; ")
      }`,
    );
  }
  const specs = asked.map((spec) => numbered(spec, host)).flatMap((spec) =>
    namedSockets(spec, inherited) ?? adopted(spec, sockets, host)
  );
  for (const spec of specs) taken.add(numberOf(spec));
  // One that says nothing has all that is left.
  const left = others.some(({ learns }) => learns) ? [] : sockets;
  const notes = left.filter(({ fd }) => !taken.has(fd)).map((socket) =>
    `nobody accepts on "${formatAddress(socket.address)}" (${
      originOf(socket)
    }), because no "-l" asks for it`
  );
  return {
    specs: named(specs),
    notes: [...problems, ...lost, ...notes, ...waitNotes(specs, host)],
  };
}

/**
 * One sentence for each socket on which others accept who may wait there: all
 * three runtimes take a socket to be one that does not block.
 */
function waitNotes(
  specs: readonly ListenerSpec[],
  host: Place,
): readonly string[] {
  return specs.flatMap((spec) => {
    const { address } = spec;
    const fd = address.kind === "fd" ? address.fd : undefined;
    const facts = fd === undefined ? "" : host.socketOf(fd);
    if (fd === undefined || typeof facts === "string" || !facts.blocks) {
      return [];
    }
    const others = host.neighboursOf(fd);
    return others.length === 0 ? [] : [
      `accept(2) on "${
        formatAddress(facts.address ?? address)
      }" (descriptor ${fd}) waits no more (O_NONBLOCK), also in ${
        others.slice(0, 3).join(", ")
      }: what accepts there has to expect EAGAIN`,
    ];
  });
}

/**
 * One address, on a socket that is there where one has it.
 *
 * @throws {PreforkError} `ERR_BIND` where it is asked for by name and not there
 */
export function siteOf(
  spec: ListenerSpec,
  inherited: Inherited,
  host: Pick<Host, "resolve">,
): ListenerSpec {
  const [first = spec] = namedSockets(spec, inherited) ??
    [adopted(spec, inherited.sockets, host)];
  return first;
}

/** The same listener on a socket that is there, if one has its address. */
export function adopted(
  spec: ListenerSpec,
  sockets: readonly Passed[],
  host: Pick<Host, "resolve">,
): ListenerSpec {
  const found = sockets.find((socket) =>
    isSame(spec.address, socket.address, host) ||
    socket.text !== undefined && isWritten(spec.address, socket.text)
  );
  // What is asked for by its number is that socket already.
  if (found === undefined || spec.passed !== undefined) return spec;
  const origin = originOf(found);
  if (found.address.kind === "udp") return datagrams(spec, found);
  const by = formatAddress(spec.address);
  return { ...spec, address: { kind: "fd", fd: found.fd, by }, origin };
}

/** A socket of datagrams keeps its kind of address: other modes share it. */
function datagrams(spec: ListenerSpec, socket: Passed): ListenerSpec {
  const { address, fd } = socket;
  return { ...spec, address, passed: fd, origin: originOf(socket) };
}

/** The same listener, where its number is that of a socket of datagrams. */
export function numbered(
  spec: ListenerSpec,
  host: Pick<Host, "socketOf">,
): ListenerSpec {
  const { address } = spec;
  if (address.kind !== "fd" || address.by !== undefined) return spec;
  const facts = host.socketOf(address.fd);
  if (typeof facts === "string" || facts.address?.kind !== "udp") return spec;
  return { ...datagramsAt(spec, facts.address), passed: address.fd };
}

/** The listener of a number, for datagrams: it goes by their address. */
export function datagramsAt(
  spec: ListenerSpec,
  address: Address,
): ListenerSpec {
  const asked = formatAddress(spec.address);
  const name = spec.name === asked ? formatAddress(address) : spec.name;
  return { ...spec, name, address, asked };
}

/** The sockets of an address like `systemd:NAME`; undefined for any other. */
export function namedSockets(
  spec: ListenerSpec,
  { sockets, problems, ignored, between }: Inherited,
): readonly ListenerSpec[] | undefined {
  const wanted = nameIn(spec.address);
  if (wanted === undefined) return undefined;
  const refuse = (why: string): never => {
    throw new PreforkError(
      "ERR_BIND",
      `Cannot listen on "${formatAddress(spec.address)}": ${why}`,
    );
  };
  if (problems.length > 0) refuse(problems.join("; "));
  const ours = calledBy("", sockets);
  const found = calledBy(wanted, ours);
  if (found.length === 0) {
    const names = new Set(ours.map(({ name }) => `"systemd:${name}"`));
    const why = ignored.get("systemd");
    refuse(
      ours.length > 0
        ? `there is no such name, there is ${[...names].join(", ")}`
        : between !== undefined
        ? between
        : why !== undefined
        ? `what LISTEN_FDS names is another process' (${why}), start prefork itself by the unit, or by "exec" in a script`
        : `systemd has passed on no socket (LISTEN_FDS is not set), start it by a socket unit or systemd-socket-activate`,
    );
  }
  const isNamed = spec.name !== formatAddress(spec.address);
  if (isNamed && found.length > 1) {
    refuse(
      `${found.length} sockets would all be "${spec.name}", leave "${spec.name}=" out or name one of them as in "systemd:NAME"`,
    );
  }
  return found.map((socket) => ({
    ...spec,
    ...specOf(socket),
    ...(isNamed && { name: spec.name }),
  }));
}

/** Those of systemd with a name; all for "". */
function calledBy(
  wanted: string,
  sockets: readonly Passed[],
): readonly Passed[] {
  return sockets.filter(({ parent, name }) =>
    parent === "systemd" && (wanted === "" || name === wanted)
  );
}

/** What another pool has of them by an address, if it is there. */
function numbersOf(
  spec: ListenerSpec,
  sockets: readonly Passed[],
  host: Pick<Host, "resolve">,
): readonly (number | undefined)[] {
  const wanted = nameIn(spec.address);
  return wanted === undefined
    ? [numberOf(adopted(spec, sockets, host))]
    : calledBy(wanted, sockets).map(({ fd }) => fd);
}

/** The name that is asked for: "" for any, undefined for no such address. */
export function nameIn(address: Address): string | undefined {
  const by = address.kind === "fd" ? address.by : undefined;
  return by?.startsWith("systemd:") ? by.slice("systemd:".length) : undefined;
}

/** The listener that a socket is. */
function specOf(socket: Passed): ListenerSpec {
  const { fd, name, parent } = socket;
  const by = parent === "systemd" ? `systemd:${name}` : `fd:${fd}`;
  const plain = parseListener(`fd:${fd}`);
  const own = name !== undefined && /^[A-Za-z_][\w.-]*$/.test(name) &&
    !["unknown", "stored", "connection"].includes(name);
  if (socket.address.kind === "udp") {
    const spec = parseListener(formatAddress(socket.address));
    return datagrams(own ? { ...spec, name } : spec, socket);
  }
  return {
    ...plain,
    name: own ? name : by,
    address: { kind: "fd", fd, by },
    origin: originOf(socket),
  };
}

/** A name counts where one listener alone has it; others bear their address. */
function named(specs: readonly ListenerSpec[]): readonly ListenerSpec[] {
  const count = (wanted: string): number =>
    specs.filter(({ name }) => name === wanted).length;
  return specs.map((spec) =>
    spec.origin !== undefined && count(spec.name) > 1
      ? { ...spec, name: formatAddress(spec.address) }
      : spec
  );
}

function originOf({ fd, variable, parent, name }: Passed): string {
  const called = name === undefined ? "" : ` "${name}"`;
  return `descriptor ${fd}${called} of ${parent}'s ${variable}`;
}

function numberOf({ address, passed }: ListenerSpec): number | undefined {
  return address.kind === "fd" ? address.fd : passed;
}

/** Every interface, as it is written for either family, or for both. */
const EVERY: readonly string[] = ["", "::", "0.0.0.0"];

function isSame(
  asked: Address,
  real: Address,
  host: Pick<Host, "resolve">,
): boolean {
  if (asked.kind === "udp" && real.kind === "udp") {
    return asked.port !== 0 && formatAddress(asked) === formatAddress(real);
  }
  if (asked.kind === "tcp" && real.kind === "tcp") {
    if (asked.port !== real.port || asked.port === 0) return false;
    return asked.host === real.host ||
      // One socket for both families, or what the parent has of them.
      asked.host === "" && EVERY.includes(real.host) ||
      asked.host === "::" && real.host === "" ||
      asked.host === "localhost" && ["127.0.0.1", "::1"].includes(real.host);
  }
  if (asked.kind !== "unix" || real.kind !== "unix") return false;
  if (asked.abstract !== real.abstract) return false;
  return asked.path === real.path ||
    !asked.abstract && host.resolve(asked.path) === host.resolve(real.path);
}

/** A host name is as the parent has resolved it. */
function isWritten(asked: Address, text: string): boolean {
  return asked.kind === "tcp" && /[a-z]/i.test(asked.host) &&
    !asked.host.includes(":") && asked.port !== 0 &&
    formatAddress(asked) === text.replace(/^tcp:\/\//, "");
}

/** Numbers in order, as in "3, 5 to 7". */
function spans(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length;) {
    let end = i;
    while (numbers[end + 1] === numbers[end]! + 1) end++;
    const [first, last] = [numbers[i], numbers[end]];
    parts.push(first === last ? `${first}` : `${first} to ${last}`);
    i = end + 1;
  }
  return parts.join(", ");
}
