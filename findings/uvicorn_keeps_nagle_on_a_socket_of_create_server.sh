#!/usr/bin/env bash
# uvicorn 0.54.0 on a socket that socket.create_server made: each answer after the first on a connection takes 40 ms.
#
# asyncio switches Nagle's algorithm off (TCP_NODELAY) for what it accepts, but only if the listening socket's protocol number
# is IPPROTO_TCP. socket.create_server, the obvious way to make a socket for Server.serve(sockets=[…]), leaves the number 0, and
# an accepted socket inherits it. Uvicorn writes the head and the body of an answer apart, so the body waits until the client
# acknowledges the head, which Linux delays by 40 ms. Without a socket of one's own, or with one whose protocol is named, each
# answer is there at once. Seen with h11 and the loop of asyncio; uvloop sets the option itself.
#
# Seen: create_server slow; protocol named fast
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvicorn==0.54.0 h11==0.16.0

seen="$(venv/bin/python - <<'PYTHON'
import asyncio
import socket
import statistics
import threading
import time

import uvicorn

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def median(listening):
    config = uvicorn.Config(app, http="h11", loop="asyncio", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    took = []
    with socket.create_connection(listening.getsockname()) as client:
        for _ in range(21):
            began = time.monotonic()
            client.sendall(REQUEST)
            answer = b""
            while not answer.endswith(b"\r\n\r\nok"):
                answer += client.recv(4096)
            took.append(time.monotonic() - began)
    server.should_exit = True
    thread.join()
    return statistics.median(took)


named = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
named.bind(("127.0.0.1", 0))
slow = median(socket.create_server(("127.0.0.1", 0)))
fast = median(named)
print(f"create_server {'slow' if slow > 0.03 else 'fast'}; protocol named {'slow' if fast > 0.03 else 'fast'}")
PYTHON
)"
echo "uvicorn 0.54.0, $(python3 --version): $seen"
[ "$seen" = "create_server slow; protocol named fast" ]
