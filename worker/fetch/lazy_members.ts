/**
 * Objects of the platform's classes whose members are made when somebody asks.
 *
 * They are of the platform's own prototype, so that `instanceof`, subclasses and
 * what a program adds to the prototype are as ever; what makes them ours are
 * private members of a class, which no other object has. The getters and methods
 * of the prototype look at these first.
 *
 * @module
 */

/** A class that gives its private members to an object that exists. */
export class Onto {
  /** Runs the field initialisers of the subclass on `target`. */
  constructor(target: object) {
    return target;
  }
}

/** How a prototype's members answer for objects of ours. */
export interface Overlay {
  /** True for an object of ours. */
  has(value: unknown): boolean;
  /** Getters and methods of ours, by their names. */
  readonly members: object;
  /** An object of the platform's: what its other getters say, ours say too. */
  readonly template: object;
  /** Any other method. */
  otherwise(target: object, method: string): unknown;
}

/** Has the members of a prototype answer for objects of ours too. */
export function overlay(prototype: object, overlay: Overlay): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const theirs = Object.getOwnPropertyDescriptor(prototype, name)!;
    if (name === "constructor" || !theirs.configurable) continue;
    const mine = memberOf(overlay.members, name);
    const { get, value } = theirs;
    if (get !== undefined) {
      const own = mine?.get ?? (() => Reflect.apply(get, overlay.template, []));
      define(prototype, name, theirs, "get", get, function (this: object) {
        return Reflect.apply(overlay.has(this) ? own : get, this, []);
      });
    } else if (typeof value === "function") {
      const own = mine?.value as (() => unknown) | undefined ??
        function (this: object) {
          return overlay.otherwise(this, name);
        };
      const method = function (this: object, ...args: unknown[]): unknown {
        return Reflect.apply(overlay.has(this) ? own : value, this, args);
      };
      define(prototype, name, theirs, "value", value, method);
    }
  }
}

/** A member of a class, or of one that it extends. */
function memberOf(
  members: object | null,
  name: string,
): PropertyDescriptor | undefined {
  if (members === null || members === Object.prototype) return undefined;
  return Object.getOwnPropertyDescriptor(members, name) ??
    memberOf(Object.getPrototypeOf(members), name);
}

function define(
  prototype: object,
  name: string,
  descriptor: PropertyDescriptor,
  key: "get" | "value",
  { name: shown, length }: { readonly name: string; readonly length: number },
  member: (this: object, ...args: unknown[]) => unknown,
): void {
  Object.defineProperties(member, {
    name: { value: shown, configurable: true },
    length: { value: length, configurable: true },
  });
  Object.defineProperty(prototype, name, { ...descriptor, [key]: member });
}
