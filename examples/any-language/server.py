"""Echoes lines, by socketserver on the socket that it inherits."""

import os
import signal
import socket
import socketserver
import sys


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"python %d: %s" % (os.getpid(), line))


class Inherited(socketserver.UnixStreamServer):
    busy = leaving = False

    def __init__(self):
        super().__init__("", Echo, bind_and_activate=False)
        self.socket = socket.socket(fileno=3)

    def process_request(self, request, client_address):
        self.busy = True
        super().process_request(request, client_address)
        self.busy = False
        if self.leaving:
            sys.exit(0)


server = Inherited()


def leave(*_):
    # Whoever is being served gets the rest first.
    if server.busy:
        server.leaving = True
    else:
        sys.exit(0)


signal.signal(signal.SIGTERM, leave)
server.serve_forever()
