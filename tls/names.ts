/**
 * The names that a certificate is for, and which certificate a client gets.
 *
 * @module
 */

/**
 * The DNS names of a certificate, in lower case: those of its subjectAltName
 * as `node:crypto` writes it, or without one the subject's common name.
 */
export function namesOf(
  subjectAltName: string | undefined,
  subject: string | undefined,
): readonly string[] {
  // Entries with special characters are quoted (Node 17.3.1); none of these
  // is a host that a client could ask for.
  const names = (subjectAltName ?? "").split(", ")
    .filter((each) => /^DNS:[^"]+$/.test(each))
    .map((each) => each.slice(4));
  const common = /^CN=(.+)$/m.exec(subject ?? "")?.[1];
  const all = names.length > 0 || common === undefined ? names : [common];
  return all.map((each) => each.toLowerCase());
}

/** Finds what belongs to a host name. */
export type NameIndex<T> = (host: string) => T | undefined;

/**
 * Indexes values by names. A name is found before a wildcard, and of several
 * with the same name the first. A wildcard is the whole left-most label and
 * stands for exactly one (RFC 9525 §6.3).
 */
export function indexByName<T>(
  entries: readonly { readonly names: readonly string[]; readonly value: T }[],
): NameIndex<T> {
  const exact = new Map<string, T>();
  for (const { names, value } of entries) {
    for (const name of names) {
      if (!exact.has(name)) exact.set(name, value);
    }
  }
  return (host) => {
    const name = host.toLowerCase().replace(/\.$/, "");
    const dot = name.indexOf(".");
    return exact.get(name) ??
      (dot > 0 ? exact.get(`*${name.slice(dot)}`) : undefined);
  };
}
