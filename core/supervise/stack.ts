/**
 * The stack of a worker as one line.
 *
 * @module
 */

/** The most that is told of a stack. */
const MAX_CALLS = 8;
const MAX_TEXT = 800;

/**
 * Writes calls in one line, the innermost first, as in
 * `parse (/srv/app.js:12:5) < handler (/srv/app.js:30:3)`. Calls of the
 * runtime itself are left out where there are others.
 *
 * @param calls each as `name (url:line:column)`
 */
export function stackLine(calls: readonly string[]): string {
  const texts = calls.map((call) => call.replace(" (file://", " ("));
  const programs = texts.filter((text) => !/ \((?:node|ext):/.test(text));
  const told = programs.length > 0 ? programs : texts;
  const text = told.slice(0, MAX_CALLS).join(" < ");
  const cut = told.length > MAX_CALLS || text.length > MAX_TEXT;
  return cut ? `${text.slice(0, MAX_TEXT)} < ..` : text;
}
