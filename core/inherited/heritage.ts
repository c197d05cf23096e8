/**
 * Which of the listeners of the supervisor before are those that are asked for:
 * after an upgrade, and after a start for which a service manager has kept them.
 *
 * @module
 */

import { PreforkError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { HandedListener } from "../listeners/handover.ts";
import {
  formatAddress,
  type ListenerSpec,
  parseListener,
} from "../options/address.ts";
import { UDP_PREFIX } from "../options/dgram.ts";
import {
  adopted,
  datagramsAt,
  inheritedBy,
  namedSockets,
  nameIn,
  numbered,
} from "./match.ts";

/** A listener of the supervisor before. */
type Handed =
  & Pick<HandedListener, "asked" | "name" | "inherited">
  & Partial<Pick<HandedListener, "address">>;

/**
 * What is asked for by name, as the supervisor before had it: its successor has
 * the sockets and not the variables.
 *
 * @param handed the listeners that are handed over
 * @throws {PreforkError} `ERR_BIND` where there is none by that name
 */
export function succeeded(
  asked: readonly ListenerSpec[],
  handed: readonly Handed[],
): readonly ListenerSpec[] {
  return asked.flatMap((spec) => {
    if (nameIn(spec.address) === undefined) return [byNumber(spec, handed)];
    const found = handedFor(spec, handed);
    if (found.length > 0) return found;
    throw new PreforkError(
      "ERR_BIND",
      `Cannot listen on "${
        formatAddress(spec.address)
      }": the supervisor before has no such socket, and systemd passes one on at a cold start only`,
    );
  });
}

/**
 * What is asked for after a cold start, where a service manager has kept some of
 * it: the rest is looked for among the sockets that it passes on besides.
 *
 * @param handed the listeners that it has kept
 * @throws {PreforkError} `ERR_BIND` where there is none by a name
 */
export function keptOrPassed(
  asked: readonly ListenerSpec[],
  handed: readonly Handed[],
  host: Host,
): readonly ListenerSpec[] {
  const inherited = inheritedBy(host, false);
  return asked.flatMap((spec) => {
    const found = handedFor(spec, handed);
    return found.length > 0 ? found : namedSockets(spec, inherited) ??
      adopted(numbered(spec, host), inherited.sockets, host);
  });
}

/** One for datagrams that was asked for by its number has their address. */
function byNumber(
  spec: ListenerSpec,
  handed: readonly Handed[],
): ListenerSpec {
  const by = formatAddress(spec.address);
  const at = spec.address.kind !== "fd"
    ? undefined
    : handed.find(({ asked }) => asked === by)?.address;
  return at?.startsWith(UDP_PREFIX)
    ? datagramsAt(spec, parseListener(at).address)
    : spec;
}

/** What there is of a listener by the supervisor before, by its name or address. */
function handedFor(
  spec: ListenerSpec,
  handed: readonly Handed[],
): readonly ListenerSpec[] {
  const by = formatAddress(spec.address);
  const wanted = nameIn(spec.address);
  if (wanted === undefined) {
    const isThere = handed.some(({ asked, address }) =>
      asked === by || address === by
    );
    return isThere ? [byNumber(spec, handed)] : [];
  }
  return handed.filter(({ asked, name, inherited }) =>
    asked.startsWith(UDP_PREFIX)
      ? inherited === true && ["", name].includes(wanted)
      : wanted === ""
      ? asked.startsWith(by)
      : asked === by
  ).map(({ asked, name }) => ({
    ...spec,
    name: spec.name === by ? name : spec.name,
    address: asked.startsWith(UDP_PREFIX)
      ? parseListener(asked).address
      : { kind: "fd" as const, fd: -1, by: asked },
  }));
}
