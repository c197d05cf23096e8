/**
 * Kinds of load for tests/fixtures/strict_client.mjs that hold a session: over
 * HTTP/2, WebSocket and socket.io, and a question over a bare connection.
 *
 * The plain name is a session for each request. With "-stays" a session goes on
 * until the server announces its end (GOAWAY of RFC 9113 section 6.8, the close
 * code 1001 of RFC 6455 section 7.4.1, a disconnect that names the server); any
 * other end is a cut.
 */
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { io } from "socket.io-client";
import { WebSocket } from "ws";

/** The close code of a server that goes away. */
const GOING_AWAY = 1001;

/** Milliseconds without an answer after which a request has failed. */
const PATIENCE = 10_000;

/** The kinds, for a client that counts what they see. */
export function kinds({ count, fail, announced, stopped, sleep }) {
  return {
    ask: each(ask),
    http2: each(http2Session),
    "http2-stays": stays(http2Session),
    websocket: each(webSocket),
    "websocket-stays": stays(webSocket),
    "socket.io": each(socketIo),
    "socket.io-stays": stays(socketIo),
  };

  function each(open) {
    return async (load) => {
      let session;
      try {
        session = await inTime(open(load));
        count(load.kind, await inTime(session.ask()));
      } catch (error) {
        // Its end was announced before it could ask: it asks another one.
        if (!error.lost && session?.announced()) announced();
        else fail("failed", load, error);
      }
      session?.close();
    };
  }

  function stays(open) {
    return async (load) => {
      let session;
      try {
        session = await inTime(open(load));
      } catch (error) {
        return fail("failed", load, error);
      }
      try {
        while (!stopped() && !session.announced()) {
          count(load.kind, await inTime(session.ask()));
          await sleep(load.pause);
        }
        if (session.announced()) announced();
      } catch (error) {
        if (!error.lost && session.announced()) announced();
        else fail("cut", load, error);
      }
      session.close();
    };
  }
}

async function ask({ host, port }) {
  const socket = net.connect({ host, port });
  await once(socket, "connect");
  return {
    announced: () => false,
    ask: () =>
      new Promise((resolve, reject) => {
        socket.once("data", (data) => resolve(data.toString()));
        socket.once("error", reject);
        socket.once("end", () => reject(new Error("end")));
        socket.write("who\n");
      }),
    close: () => socket.destroy(),
  };
}

async function http2Session({ host, port }) {
  const session = http2.connect(`https://${host}:${port}`, {
    rejectUnauthorized: false,
  });
  let goaway = false;
  session.once("goaway", () => goaway = true);
  session.on("error", () => {});
  await once(session, "connect");
  return {
    // A session that no longer takes requests tells the client to open another.
    announced: () => goaway || session.closed,
    ask: () =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":path": "/" });
        let status;
        let body = "";
        stream.setEncoding("utf8");
        stream.on("response", (headers) => status = headers[":status"]);
        stream.on("data", (text) => body += text);
        stream.on("error", () => {});
        stream.on("close", () => {
          if (status === 200 && body !== "") return resolve(body);
          const error = new Error(`status ${status}, reset ${stream.rstCode}`);
          // What the server took and did not answer is lost, announced or not.
          error.lost = stream.id !== undefined &&
            stream.rstCode !== http2.constants.NGHTTP2_REFUSED_STREAM;
          reject(error);
        });
      }),
    close: () => session.destroy(),
  };
}

async function webSocket({ host, port }) {
  const socket = new WebSocket(`ws://${host}:${port}/`);
  let code;
  let gone = () => {};
  socket.on("error", () => {});
  socket.once("close", (number) => {
    code = number;
    gone(new Error(`close code ${number}`));
  });
  await Promise.race([
    once(socket, "open"),
    new Promise((_, reject) => gone = reject),
  ]);
  return {
    announced: () => code === GOING_AWAY,
    ask: () =>
      new Promise((resolve, reject) => {
        gone = reject;
        if (code !== undefined) gone(new Error(`close code ${code}`));
        socket.once("message", (data) => resolve(data.toString()));
        socket.send("who");
      }),
    close: () => socket.terminate(),
  };
}

async function socketIo({ host, port }) {
  const socket = io(`http://${host}:${port}`, {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
  });
  let code;
  let gone = () => {};
  const end = (reason) => gone(new Error(reason));
  socket.once("disconnect", (reason, details) => {
    code = details?.description?.code ?? details?.context?.code ?? reason;
    end(`${reason} ${code}`);
  });
  socket.once("connect_error", ({ message }) => end(message));
  await Promise.race([
    once(socket, "connect"),
    new Promise((_, reject) => gone = reject),
  ]);
  return {
    announced: () => code === GOING_AWAY || code === "io server disconnect",
    ask: () =>
      new Promise((resolve, reject) => {
        gone = reject;
        if (code !== undefined) end(`disconnected: ${code}`);
        socket.emit("who", resolve);
      }),
    close: () => socket.close(),
  };
}

async function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
