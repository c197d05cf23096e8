const who = new TextEncoder().encode(`Hello from ${Deno.pid}\n`);

async function echo(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      const data = buffer.subarray(0, count);
      const asked = new TextDecoder().decode(data) === "who\n";
      await connection.write(asked ? who : data);
    }
  } catch {
    // The client has gone.
  }
  connection.close();
}

const port = Number(Deno.env.get("PORT") ?? 8000);
const listener = Deno.listen({ port });
console.log("Listening on %s", JSON.stringify(listener.addr));
for await (const connection of listener) echo(connection);
