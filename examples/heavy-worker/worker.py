#!/usr/bin/env python3
"""A slow-starting worker in another language, on the standard library alone.

It keeps the /internal half of Omni's HTTP contract:

  GET  /internal/health    answers from the first millisecond on
  GET  /internal/metrics   Prometheus text
  POST PATH                runs once loaded; before that it refuses with 503
                           still_loading

It loads a table of primes, and takes --load-seconds over it, as a model of
gigabytes would; it answers the factors of the numbers it is sent.
"""

import argparse
import json
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 1 << 20
MAX_NUMBERS = 10_000
MAX_NUMBER = 10**12
SERVICE = "heavy"
BUCKETS = (0.001, 0.01, 0.1, 1.0, 10.0)


def sieve(limit):
    """Primes below limit (Eratosthenes)."""
    flags = bytearray([1]) * limit
    flags[0:2] = b"\x00\x00"
    for n in range(2, int(limit**0.5) + 1):
        if flags[n]:
            flags[n * n :: n] = bytes(len(range(n * n, limit, n)))
    return [n for n in range(limit) if flags[n]]


class Refusal(Exception):
    """An error for the caller, in the contract's envelope."""

    def __init__(self, status, code, message, details=None, retry_after=None):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details, self.retry_after = details, retry_after


class State:
    """What the worker knows of itself; guarded by its lock."""

    def __init__(self, load_seconds, max_concurrency):
        self.lock = threading.Lock()
        self.started = time.monotonic()
        self.load_seconds = load_seconds
        self.max_concurrency = max_concurrency
        self.load_time = None
        self.primes = None
        self.draining = False
        self.in_flight = 0
        self.answers = {}
        self.buckets = [0] * len(BUCKETS)
        self.seconds = 0.0
        self.count = 0

    def load(self):
        """Make the table, then wait out the rest of --load-seconds."""
        primes = sieve(int(MAX_NUMBER**0.5) + 1)
        time.sleep(max(self.started + self.load_seconds - time.monotonic(), 0))
        with self.lock:
            self.primes = primes
            self.load_time = time.monotonic() - self.started

    def health(self):
        with self.lock:
            ready = self.primes is not None
            elapsed = time.monotonic() - self.started
            status = "draining" if self.draining else "ok" if ready else "initializing"
            body = {
                "status": status,
                "services_ready": ready,
                "services": {
                    SERVICE: {
                        "state": "ready" if ready else "loading",
                        "seconds": round(self.load_time if ready else elapsed, 3),
                    }
                },
                "in_flight": self.in_flight,
                "max_concurrency": self.max_concurrency,
                "version": "1.0.0",
            }
            if not ready:
                body["eta_seconds"] = round(max(self.load_seconds - elapsed, 0.1), 3)
            return (503 if self.draining else 200), body

    def enter(self):
        with self.lock:
            if self.draining:
                raise Refusal(503, "draining", "this worker takes no new work", retry_after=1)
            if self.primes is None:
                raise Refusal(503, "still_loading", "the table is not loaded yet", retry_after=1)
            self.in_flight += 1
            return self.primes

    def leave(self, status, seconds):
        with self.lock:
            self.in_flight -= 1
            self.answers[status] = self.answers.get(status, 0) + 1
            self.seconds += seconds
            self.count += 1
            for i, bound in enumerate(BUCKETS):
                self.buckets[i] += seconds <= bound

    def metrics(self):
        with self.lock:
            lines = ["# HELP model_requests_total Calls answered.", "# TYPE model_requests_total counter"]
            lines.append(f'model_requests_total{{model_type="{SERVICE}"}} {self.count}')
            name = "model_inference_duration_seconds"
            lines += [f"# HELP {name} Time to answer.", f"# TYPE {name} histogram"]
            for bound, count in zip(BUCKETS, self.buckets):
                lines.append(f'{name}_bucket{{model_type="{SERVICE}",le="{bound}"}} {count}')
            lines.append(f'{name}_bucket{{model_type="{SERVICE}",le="+Inf"}} {self.count}')
            lines.append(f'{name}_sum{{model_type="{SERVICE}"}} {self.seconds}')
            lines.append(f'{name}_count{{model_type="{SERVICE}"}} {self.count}')
            lines += ["# HELP heavy_answers_total Answers by HTTP status.", "# TYPE heavy_answers_total counter"]
            for status, count in sorted(self.answers.items()):
                lines.append(f'heavy_answers_total{{status="{status}"}} {count}')
            return "\n".join(lines) + "\n"


def factorise(n, primes):
    """Prime factors of n, smallest first; primes reach to the root of n."""
    factors = []
    for p in primes:
        if p * p > n:
            break
        while n % p == 0:
            factors.append(p)
            n //= p
    if n > 1:
        factors.append(n)
    return factors


def parse(body):
    """The numbers in a request body, checked."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "malformed_json", "the body is not JSON") from None
    numbers = request.get("numbers") if isinstance(request, dict) else None
    if not isinstance(numbers, list) or len(numbers) > MAX_NUMBERS:
        raise Refusal(422, "bad_numbers", f"numbers must be a list of at most {MAX_NUMBERS}")
    for i, n in enumerate(numbers):
        if type(n) is not int or not 1 <= n <= MAX_NUMBER:
            problem = f"must be a whole number from 1 to {MAX_NUMBER}"
            raise Refusal(422, "bad_number", f"numbers[{i}] {problem}", [{"field": f"numbers[{i}]", "problem": problem}])
    return numbers


class Handler(BaseHTTPRequestHandler):
    """One connection from the gateway."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def log_message(self, *_):
        pass

    def reply(self, status, content, kind="application/json", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def reply_json(self, status, body, headers=()):
        self.reply(status, json.dumps(body).encode(), headers=headers)

    def do_GET(self):
        if self.path == "/internal/health":
            self.reply_json(*self.server.state.health())
        elif self.path == "/internal/metrics":
            self.reply(200, self.server.state.metrics().encode(), "text/plain; version=0.0.4; charset=utf-8")
        else:
            self.refuse_method("POST")

    def refuse_method(self, allowed):
        """Another method than the path takes; a body, if any, is not read."""
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        if self.path.partition("?")[0] == self.server.path:
            self.refuse(Refusal(405, "method_not_allowed", f"this path takes {allowed}"), [("Allow", allowed)])
        else:
            self.refuse(Refusal(404, "not_found", "no such path"))

    def do_DELETE(self):
        self.refuse_method("POST")

    do_PATCH = do_PUT = do_DELETE

    def do_POST(self):
        try:
            body = self.read_body()
            if self.path.partition("?")[0] != self.server.path:
                raise Refusal(404, "not_found", "no such path")
            primes = self.server.state.enter()
        except Refusal as refusal:
            self.refuse(refusal)
            return
        began, status = time.monotonic(), 500
        try:
            numbers = parse(body)
            factors = [factorise(n, primes) for n in numbers]
            status = 200
            self.reply_json(status, {
                "status": "success",
                "tenant_id": self.headers.get("X-Tenant-ID", ""),
                "request_id": self.headers.get("X-Request-ID", ""),
                "warnings": [],
                "numbers": numbers,
                "factors": factors,
            })
        except Refusal as refusal:
            status = refusal.status
            self.refuse(refusal)
        finally:
            self.server.state.leave(status, time.monotonic() - began)

    def read_body(self):
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self.close_connection = True
            raise Refusal(411, "length_required", "send a Content-Length")
        if int(length) > MAX_BODY:
            self.close_connection = True
            raise Refusal(413, "body_too_large", f"the body may have {MAX_BODY} bytes")
        return self.rfile.read(int(length))

    def refuse(self, refusal, headers=()):
        body = {
            "status": "error",
            "error": refusal.code,
            "message": refusal.message,
            "request_id": self.headers.get("X-Request-ID", ""),
            "docs": "/docs#" + refusal.code,
        }
        if refusal.details:
            body["details"] = refusal.details
        retry = [("Retry-After", str(refusal.retry_after))] if refusal.retry_after else []
        self.reply_json(refusal.status, body, [*headers, *retry])


class Server(ThreadingHTTPServer):
    """One thread for each connection; the gateway opens no more than it needs."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, socket.timeout)):
            super().handle_error(request, client_address)


def drain(server):
    """Refuse new work, let what runs finish for at most 8 s, then stop."""
    state = server.state
    with state.lock:
        state.draining = True
    end = time.monotonic() + 8
    while time.monotonic() < end:
        with state.lock:
            if state.in_flight == 0:
                break
        time.sleep(0.02)
    server.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090, help="0 picks a free one; the choice is printed")
    parser.add_argument("--path", default="/internal/heavy/echo")
    parser.add_argument("--load-seconds", type=float, default=10.0)
    parser.add_argument("--max-concurrency", type=int, default=4)
    args = parser.parse_args()
    server = Server((args.host, args.port), Handler)
    server.path, server.state = args.path, State(args.load_seconds, args.max_concurrency)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=drain, args=(server,)).start())
    threading.Thread(target=server.state.load, daemon=True).start()
    print(f"listening on http://{args.host}:{server.server_port}", flush=True)
    try:
        server.serve_forever(poll_interval=0.05)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
