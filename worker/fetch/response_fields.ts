/**
 * Header fields as lists of name, value, name, value ..
 *
 * @module
 */

/** The fields of a response. */
export interface Fields {
  /** By name, in lower case, as `Headers` tell them and as they are sent. */
  readonly sent: readonly string[];
  /** As they were given, which `Headers` show when they are inspected. */
  readonly given: readonly string[];
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A value as it is sent: nothing in it has to be changed or refused. */
const VALUE =
  /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/** How many names are remembered: a program has few of its own. */
const MOST_NAMES = 256;

/** Names that are well-formed, in lower case. */
const known = new Map<string, string>();

/** All fields of headers. */
export function fieldsOf(headers: Headers): string[] {
  const fields: string[] = [];
  for (const [name, value] of headers) fields.push(name, value);
  return fields;
}

/**
 * The fields of a plain object, or undefined for what `Headers` have to look at:
 * anything that is not sent as it was given.
 *
 * @param type the content type, unless the object has one
 */
export function plainFields(
  record: object,
  type: string | undefined,
): Fields | undefined {
  const prototype: unknown = Object.getPrototypeOf(record);
  if (
    (prototype !== Object.prototype && prototype !== null) ||
    Object.getOwnPropertySymbols(record).length > 0
  ) return undefined;
  const given: string[] = [];
  const sent: string[] = [];
  let typed = type === undefined;
  for (const key of Object.getOwnPropertyNames(record)) {
    const name = lowerCased(key);
    const value = (record as Readonly<Record<string, unknown>>)[key];
    if (name === undefined || typeof value !== "string" || !VALUE.test(value)) {
      return undefined;
    }
    typed ||= name === "content-type";
    if (!insert(sent, name, value)) return undefined;
    given.push(key, value);
  }
  if (!typed) {
    insert(sent, "content-type", type!);
    given.push("content-type", type!);
  }
  return { sent, given };
}

/** Keeps the order of names; false when there is such a field already. */
function insert(fields: string[], name: string, value: string): boolean {
  let at = fields.length;
  while (at > 0 && fields[at - 2]! >= name) at -= 2;
  if (fields[at] === name) return false;
  if (at === fields.length) fields.push(name, value);
  else fields.splice(at, 0, name, value);
  return true;
}

function lowerCased(name: string): string | undefined {
  const found = known.get(name);
  if (found !== undefined || !NAME.test(name)) return found;
  const lower = name.toLowerCase();
  if (known.size < MOST_NAMES) known.set(name, lower);
  return lower;
}
