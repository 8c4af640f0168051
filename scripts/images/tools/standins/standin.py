"""What the stand-ins share: an HTTP server from a table of routes, patient connections, an end at SIGTERM."""
import json
import os
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def log(*words):
    print(*words, flush=True)


def end_at_sigterm():
    """PID 1 ignores signals that it has no handler for."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


def serve(port, routes):
    """Answer on `port` in the background. `routes`: (method, path pattern) -> function(match, body) -> (status, answer)."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length).decode(errors="replace")
            status, body = 404, {"error": f"no such path: {self.path}"}
            for (method, pattern), function in routes.items():
                match = re.fullmatch(pattern, self.path.split("?")[0])
                if match and method == self.command:
                    try:
                        status, body = function(match, raw)
                    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets to know
                        status, body = 500, {"error": str(error).strip()}
                    break
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    ThreadingHTTPServer.request_queue_size = 64
    server = ThreadingHTTPServer(("0.0.0.0", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log(f"listening on port {port}")


def patiently(what, function, seconds=60):
    """Call `function` until it works; give up (and exit 1, for the restart policy to act on) after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            return function()
        except Exception as error:  # noqa: BLE001
            if time.monotonic() > end:
                sys.exit(f"{what}: {str(error).strip()}")
            time.sleep(0.5)


def for_ever(seconds, function, state):
    """Call `function` every so many seconds; `state["ok"]` tells whether the last call worked."""
    while True:
        try:
            function()
            if not state.get("ok"):
                log("working")
            state.update(ok=True, error=None)
        except Exception as error:  # noqa: BLE001
            text = str(error).strip()
            if state.get("error") != text:
                log("waiting:", text)
            state.update(ok=False, error=text)
        time.sleep(seconds)


def health(state):
    """A route that answers 200 while the work goes well, else 503."""
    return lambda *_: (200, {"status": "ok"}) if state.get("ok") else (503, {"status": "failing", "error": state.get("error")})
