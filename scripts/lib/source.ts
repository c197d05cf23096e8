/**
 * Blanks what is not code out of TypeScript: comments and the text between the
 * marks of strings, templates and regular expressions (a template's `${..}`
 * becomes `(..)`). Everything else, line ends included, stays where it is, so
 * that offsets and line numbers remain true.
 */
export function codeOnly(source: string): string {
  let out = "";
  let at = 0;
  // For each `${` that is open: how many braces are open inside it.
  const templates: number[] = [];

  const blankTo = (end: number): void => {
    out += source.slice(at, end).replace(/[^\n]/g, " ");
    at = end;
  };
  const put = (text: string, width: number): void => {
    out += text;
    at += width;
  };
  /** Keeps the marks around a text and blanks what is between them. */
  const quoted = (mark: string): void => {
    const end = closing(source, at + 1, mark);
    put(mark, 1);
    if (source[end - 1] !== mark || end - 1 < at) return blankTo(end);
    blankTo(end - 1);
    put(mark, 1);
  };
  /** Blanks a template's text up to its end or its next `${`. */
  const template = (): void => {
    let end = at;
    while (end < source.length && source[end] !== "`") {
      if (source.startsWith("${", end)) {
        blankTo(end);
        put(" (", 2);
        templates.push(0);
        return;
      }
      end += source[end] === "\\" ? 2 : 1;
    }
    blankTo(Math.min(end, source.length));
    if (at < source.length) put("`", 1);
  };

  while (at < source.length) {
    const char = source[at] as string;
    if (source.startsWith("//", at) || (at === 0 && source.startsWith("#!"))) {
      blankTo(endOf(source.indexOf("\n", at), source));
    } else if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      blankTo(end < 0 ? source.length : end + 2);
    } else if (char === '"' || char === "'") {
      quoted(char);
    } else if (char === "`") {
      put("`", 1);
      template();
    } else if (char === "/" && startsRegExp(out)) {
      quoted("/");
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      put(")", 1);
      template();
    } else {
      const last = templates.length - 1;
      if (last >= 0 && (char === "{" || char === "}")) {
        templates[last] = (templates[last] ?? 0) + (char === "{" ? 1 : -1);
      }
      put(char, 1);
    }
  }
  return out;
}

/** The number of the line in which an offset lies, from 1. */
export function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}

/** The offset after the unescaped closing mark; a line's end closes too. */
function closing(source: string, from: number, mark: string): number {
  let inClass = false;
  for (let i = from; i < source.length; i++) {
    const char = source[i];
    if (char === "\\") i++;
    else if (char === "\n") return i;
    else if (mark === "/" && char === "[") inClass = true;
    else if (mark === "/" && char === "]") inClass = false;
    else if (char === mark && !inClass) return i + 1;
  }
  return source.length;
}

/** A slash begins a regular expression where no value can end before it. */
function startsRegExp(before: string): boolean {
  const code = before.trimEnd();
  if (code === "") return true;
  if (/\b(return|typeof|case|in|of|void|delete|throw)$/.test(code)) return true;
  return !/[\w$)\]}"'`]$/.test(code);
}

function endOf(offset: number, source: string): number {
  return offset < 0 ? source.length : offset;
}
