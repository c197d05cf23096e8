"""Answers on the socket whose number it is given."""
import os
import select
import signal
import socket

# "/path/of/the/socket=3": the convention of Server::Starter.
fd = int(os.environ["SERVER_STARTER_PORT"].rpartition("=")[2])

# SIGTERM wakes the loop, so that an answer that was begun is finished. Ctrl-C
# reaches every process of the terminal: what it means is up to the supervisor.
woken, waker = socket.socketpair()
signal.signal(signal.SIGTERM, lambda *_: waker.send(b"!"))
signal.signal(signal.SIGINT, signal.SIG_IGN)

with socket.socket(fileno=fd) as listener:
    listener.setblocking(False)
    while woken not in select.select([listener, woken], [], [])[0]:
        try:
            client, _ = listener.accept()
            with client:
                client.sendall(f"Hello from {os.getpid()}, in Python\n".encode())
        except OSError:
            pass  # Another worker was quicker, or the client has gone.
