/** Answers every question for a TXT record (RFC 1035) with who answers. */
import process from "node:process";
import { listenDatagram } from "../../worker.ts";

const TXT = 16;
const NOT_IMPLEMENTED = 4;
const text = new TextEncoder().encode(`worker ${process.pid}`);

await listenDatagram((question, peer, listener) => {
  const answer = reply(question);
  if (answer !== undefined) return listener.send(answer, peer);
});

function reply(question: Uint8Array): Uint8Array | undefined {
  // A header of 12 bytes, then the name: labels with their lengths, up to a 0.
  let end = 12;
  while (end < question.length && question[end] !== 0) {
    end += question[end]! + 1;
  }
  end += 5; // the 0, the type, the class
  // What is no question gets no answer, so that two servers never talk for ever.
  if (end > question.length || (question[2]! & 0x80) !== 0) return undefined;
  const known = question[end - 4]! * 256 + question[end - 3]! === TXT;
  const header = question.slice(0, end);
  header[2] = 0x84 | (question[2]! & 0x01); // an authoritative answer
  header[3] = known ? 0 : NOT_IMPLEMENTED;
  header.set([0, 1, 0, known ? 1 : 0, 0, 0, 0, 0], 4);
  if (!known) return header;
  const record = [
    ...[0xc0, 12], // the name is at byte 12
    ...[0, TXT, 0, 1, 0, 0, 0, 0, 0, text.length + 1, text.length],
    ...text,
  ];
  return Uint8Array.from([...header, ...record]);
}
