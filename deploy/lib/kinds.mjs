// More kinds of load for tests/fixtures/strict_client.mjs: requests that take a
// while, and ones that nobody may send twice.
import http from "node:http";

export function kinds({ count, fail }) {
  const ask = (kind, method, path) => (load) =>
    new Promise((done) => {
      const { host, port } = load;
      const request = http.request(
        { host, port, path, method, agent: false },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk) => text += chunk);
          response.on("end", () => {
            if (response.statusCode === 200) count(kind);
            else fail("failed", load, new Error(`${response.statusCode}`));
            done();
          });
          response.on(
            "error",
            (error) => (fail("failed", load, error), done()),
          );
        },
      );
      request.on("error", (error) => (fail("failed", load, error), done()));
      request.end(method === "POST" ? "x".repeat(1000) : undefined);
    });
  return {
    slow: ask("slow", "GET", "/slow/400"),
    post: ask("post", "POST", "/slow/50"),
  };
}
