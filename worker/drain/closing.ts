/**
 * The answers of a server that is about to leave.
 *
 * @module
 */

/** The response with `Connection: close` (RFC 9112 §9.6). */
export function closing(response: Response): Response {
  try {
    response.headers.set("connection", "close");
    return response;
  } catch {
    // A response of fetch() has headers that cannot be changed.
    const copy = new Response(response.body, response);
    copy.headers.set("connection", "close");
    return copy;
  }
}
