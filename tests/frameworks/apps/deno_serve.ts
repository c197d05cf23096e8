Deno.serve({
  port: Number(Deno.env.get("PORT") ?? 8000),
  onListen: (addr) => console.log("Listening on %s", JSON.stringify(addr)),
}, () => new Response(`Hello from ${Deno.pid}\n`));
