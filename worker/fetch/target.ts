/**
 * The URL of a request, from its target and its Host field.
 *
 * @module
 */

// RFC 3986 §3.2.2 without user names: a name, an IPv4 address or an IPv6
// address in brackets, and a port.
const HOST =
  /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

// Nearly all requests of a server name the same host.
let lastHost = "";

/**
 * The URL that a request asks for, or undefined when the client may not ask
 * like this, which RFC 9112 §3.2 answers with 400.
 */
export function targetUrl(
  target: string,
  host: string | undefined,
  encrypted: boolean,
): string | undefined {
  const scheme = encrypted ? "https" : "http";
  // Absolute form: the Host field does not count (RFC 9112 §3.2.2).
  if (/^https?:\/\//i.test(target)) {
    const url = URL.parse(target);
    // Fetch §5.4 has no requests of a URL with a user's name.
    return url === null || url.username !== "" || url.password !== ""
      ? undefined
      : target;
  }
  // HTTP/1.0 needs no Host field, and HTTP/1.1 may leave its value empty.
  const authority = host === undefined || host === "" ? "localhost" : host;
  if (authority !== lastHost) {
    if (!HOST.test(authority) || !URL.canParse(`http://${authority}`)) {
      return undefined;
    }
    lastHost = authority;
  }
  if (target.startsWith("/")) return `${scheme}://${authority}${target}`;
  // Asterisk form, of OPTIONS: no path at all (RFC 9112 §3.3).
  return target === "*" ? `${scheme}://${authority}` : undefined;
}
