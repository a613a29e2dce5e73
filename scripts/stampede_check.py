#!/usr/bin/env python3
"""Puts a thousand clients at once, and an origin that dies, to the real caching proxy.

One line for each thing shown, PASS or FAIL with its figures; the exit status is 1 if anything failed. The origin is this
script too, as a process of its own, so that it can be killed; what it answers is said by the query of each URL. Everything
is on free ports of 127.0.0.1. Needs nothing but Python.

    stampede_check.py --proxy .build/release/caching-proxy            everything
    stampede_check.py --proxy .build/release/caching-proxy --only memory,slow
"""
import argparse
import asyncio
import hashlib
import http.client
import json
import os
import pathlib
import random
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

MIB = 1 << 20
# What large bodies are made of. No power of two, so that a shifted or repeated piece cannot go unnoticed.
PATTERN = random.Random(9111).randbytes(65_521)
DOUBLE_PATTERN = PATTERN + PATTERN


def large_body(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


# --- The origin ------------------------------------------------------------------------------------------------------


class Origin(asyncio.Protocol):
    """Answers as the query says:

    delay=S      after so many seconds
    cc=VALUE     with this Cache-Control
    size=N       with a large body of N octets, chunked, its length unknown; otherwise with a few octets that no other
                 answer has
    fail=HOW     the first time not at all (close), or with that status
    """

    calls = {}

    def connection_made(self, transport):
        self.transport = transport
        self.input = b""
        self.room = asyncio.Event()
        self.room.set()
        self.work = None

    def connection_lost(self, error):
        self.room.set()
        if self.work:
            self.work.cancel()

    def pause_writing(self):
        self.room.clear()

    def resume_writing(self):
        self.room.set()

    def data_received(self, data):
        self.input += data
        if b"\r\n\r\n" in self.input and (self.work is None or self.work.done()):
            head, _, self.input = self.input.partition(b"\r\n\r\n")
            self.work = asyncio.ensure_future(self.answer(head.split(b"\r\n")[0].split()[1].decode()))

    def send(self, status, fields, body):
        head = f"HTTP/1.1 {status} Whatever\r\nDate: {http_date()}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
        self.transport.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def answer(self, target):
        url = urllib.parse.urlsplit(target)
        if url.path == "/-/calls":
            return self.send(200, [], json.dumps(Origin.calls).encode())
        query = dict(urllib.parse.parse_qsl(url.query))
        number = Origin.calls[url.path] = Origin.calls.get(url.path, 0) + 1
        await asyncio.sleep(float(query.get("delay", 0)))
        failure = query.get("fail") if number == 1 else None
        if failure == "close":
            return self.transport.abort()
        if failure:
            return self.send(int(failure), [], b"Not now.\n")
        fields = [("Cache-Control", query["cc"])] if "cc" in query else []
        if "size" not in query:
            return self.send(200, fields, f"{url.path}, call {number}, {os.urandom(8).hex()}\n".encode())
        head = f"HTTP/1.1 200 OK\r\nDate: {http_date()}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
        self.transport.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        sent, size = 0, int(query["size"])
        while sent < size and not self.transport.is_closing():
            piece = DOUBLE_PATTERN[sent % len(PATTERN):][:min(len(PATTERN), size - sent)]
            self.transport.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            sent += len(piece)
            await self.room.wait()
        self.transport.write(b"0\r\n\r\n")


def http_date():
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())


def run_origin(port):
    async def run():
        server = await asyncio.get_running_loop().create_server(Origin, "127.0.0.1", port, backlog=2048)
        await server.serve_forever()

    asyncio.run(run())


class OriginProcess:
    def __init__(self):
        self.port = free_port()
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, __file__, "--origin", str(self.port)])
        wait_for(self.port)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def calls(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/-/calls")
        calls = json.loads(connection.getresponse().read())
        connection.close()
        return calls.get(path, 0)

    async def called(self, path, seconds=10):
        """Waits until somebody asks for `path`."""
        deadline = time.monotonic() + seconds
        while not self.calls(path):
            if time.monotonic() > deadline:
                sys.exit(f"nobody asks the origin for {path}")
            await asyncio.sleep(0.02)


# --- The proxy -------------------------------------------------------------------------------------------------------


class Proxy:
    binary = ""
    # What this script was started with: the proxy is not to profit from what its clients need.
    open_files = resource.getrlimit(resource.RLIMIT_NOFILE)

    def __init__(self, origin, *flags):
        self.port = free_port()
        soft = min(1024, Proxy.open_files[0])
        self.process = subprocess.Popen(
            [Proxy.binary, "--origin", f"http://127.0.0.1:{origin.port}", "--listen", f"127.0.0.1:{self.port}",
             "--quiet", *flags],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, Proxy.open_files[1])))
        wait_for(self.port)

    def memory(self, field):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def begin_peak(self):
        """Forgets the peak so far, and gives what is resident now."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.memory("VmRSS")

    def stop(self, seconds=20):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


# --- The clients -----------------------------------------------------------------------------------------------------


class Client(asyncio.BufferedProtocol):
    """One connection, one GET at a time. Small bodies are kept; large ones are compared with what they should be as they
    come, and only counted."""

    scratch = memoryview(bytearray(256 << 10))

    def __init__(self):
        self.error = None
        self.status = None
        self.done = None

    # What asyncio calls.

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, hint):
        return Client.scratch

    def buffer_updated(self, count):
        try:
            self.take(bytes(Client.scratch[:count]))
        except (ValueError, IndexError) as error:
            self.finish(f"malformed: {error}")

    def eof_received(self):
        self.finish(f"closed after {self.length} octets of the body" if self.status else "closed without an answer")

    def connection_lost(self, error):
        self.finish(f"lost: {error or 'closed'}")

    # What the checks call.

    @staticmethod
    async def connect(port, receive_buffer=None):
        for attempt in range(100):
            raw = socket.socket()
            raw.setblocking(False)
            if receive_buffer:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            try:
                await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
                break
            except (ConnectionError, BlockingIOError):
                raw.close()
                await asyncio.sleep(0.05)
        _, client = await asyncio.get_running_loop().create_connection(Client, sock=raw)
        return client

    def ask(self, target, large=False, limit=None, stalls_at=None):
        """Sends the request; `done` is set when it is answered.

        limit: leave after so many octets of the body. stalls_at: read no further than that, and stay."""
        self.large, self.limit, self.stalls_at = large, limit, stalls_at
        self.status, self.fields, self.error, self.input = None, {}, None, b""
        self.length, self.pieces, self.left, self.is_chunked = 0, [], None, False
        self.began, self.seconds = time.monotonic(), None
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(f"GET {target} HTTP/1.1\r\nHost: stampede.example\r\n\r\n".encode())

    async def answered(self, seconds):
        try:
            await asyncio.wait_for(asyncio.shield(self.done), seconds)
        except asyncio.TimeoutError:
            self.finish(f"no end within {seconds} s, {self.length} octets of the body")
        return self

    async def get(self, target, seconds=60):
        self.ask(target)
        return await self.answered(seconds)

    def leave(self):
        self.transport.abort()

    @property
    def body(self):
        return b"".join(self.pieces)

    @property
    def is_good(self):
        return self.error is None and self.status == 200

    # HTTP.

    def take(self, data):
        if self.done is None or self.done.done():
            return
        if self.status is None:
            self.input += data
            head, end, data = self.input.partition(b"\r\n\r\n")
            if not end:
                return
            self.input = b""
            lines = head.decode("latin-1").split("\r\n")
            self.status = int(lines[0].split()[1])
            self.fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
            self.is_chunked = self.fields.get("transfer-encoding") == "chunked"
            self.left = None if self.is_chunked else int(self.fields["content-length"])
        if not self.is_chunked:
            self.content(data[:self.left])
            self.left -= len(data)
            if self.left <= 0:
                self.finish()
            return
        position = 0
        if self.input:
            data, self.input = self.input + data, b""
        while position < len(data) and not self.done.done():
            if self.left is None:
                end = data.find(b"\r\n", position)
                if end < 0:
                    self.input = data[position:]
                    return
                size = int(data[position:end], 16)
                if size == 0:
                    return self.finish()
                self.left, position = size + 2, end + 2
            piece = data[position:position + self.left]
            # The last two octets of what is left are the line end behind the chunk.
            self.content(piece[:max(0, self.left - 2)])
            position += len(piece)
            self.left -= len(piece)
            if self.left == 0:
                self.left = None

    def content(self, data):
        if not data:
            return
        if self.large:
            start = self.length % len(PATTERN)
            at = 0
            while at < len(data):
                count = min(len(PATTERN), len(data) - at)
                if data[at:at + count] != DOUBLE_PATTERN[start:start + count]:
                    return self.finish(f"other bytes than the origin's after {self.length + at} octets")
                at += count
                start = (start + count) % len(PATTERN)
        else:
            self.pieces.append(data)
        self.length += len(data)
        if self.limit is not None and self.length >= self.limit:
            self.finish()
            self.leave()
        if self.stalls_at is not None and self.length >= self.stalls_at:
            self.transport.pause_reading()

    def finish(self, error=None):
        if self.done is not None and not self.done.done():
            self.error = error
            self.seconds = time.monotonic() - self.began
            self.done.set_result(None)


async def connected(count, port, **options):
    """So many clients; a few hundred connect at a time, for no listener has room for a thousand in its queue."""
    clients = []
    while len(clients) < count:
        clients += await asyncio.gather(
            *(Client.connect(port, **options) for _ in range(min(200, count - len(clients)))))
    return clients


def leave_all(clients):
    for client in clients:
        client.leave()


# --- What is shown ---------------------------------------------------------------------------------------------------

failures = []
passes = 0


def check(name, is_shown, figures):
    global passes
    print(f"{'PASS' if is_shown else 'FAIL'}  {name}: {figures}", flush=True)
    if is_shown:
        passes += 1
    else:
        failures.append(name)


def summary(clients):
    """How many got a good answer, how many different bodies, and what went wrong first."""
    good = [c for c in clients if c.is_good]
    bodies = {c.body for c in good}
    bad = [c for c in clients if not c.is_good]
    text = f"{len(good)} of {len(clients)} answered 200, {len(bodies)} different bodies"
    if bad:
        text += f"; first failure: {bad[0].error or f'status {bad[0].status}: {bad[0].body[:120]}'}"
    return good, bodies, text


def longest(clients):
    return max((c.seconds or 0) for c in clients)


async def herd(options, origin):
    """A thousand clients at once on one cold URL that takes a second."""
    proxy = Proxy(origin)
    clients = await connected(options.clients, proxy.port)

    async def stampede(path, query, leader_leaves=False):
        target = f"{path}?delay=1&{query}"
        herd = clients
        if leader_leaves:
            leader = await Client.connect(proxy.port)
            leader.ask(target)
            await origin.called(path)
            herd = clients[1:]
        for client in herd:
            client.ask(target)
        if leader_leaves:
            await asyncio.sleep(0.4)
            leader.leave()
        await asyncio.gather(*(c.answered(30) for c in herd))
        good, bodies, text = summary(herd)
        return good, bodies, f"{origin.calls(path)} origin calls, {text}, {longest(herd):.2f} s", herd, path

    async def expect(name, most_calls, path, query, **options):
        good, bodies, text, herd, _ = await stampede(path, query, **options)
        calls = origin.calls(path)
        check(name, len(good) == len(herd) and len(bodies) == 1 and 1 <= calls <= most_calls, text)

    n = options.clients
    fresh = "cc=max-age%3D60"
    await expect(f"{n:,} clients on a cold URL that takes a second", 1, "/cold", fresh)
    await expect("the same, the leader's client leaves half way", 1, "/leaver", fresh, leader_leaves=True)
    await expect("the same, the origin closes the first time", 2, "/closes", fresh + "&fail=close")
    await expect("the same, the origin says 503 the first time", 2, "/fails", fresh + "&fail=503")
    leave_all(clients)
    check("the proxy ends well after that", proxy.stop() == 0, f"exit status {proxy.process.returncode}")


async def private(options, origin):
    """A thousand clients at once on a URL whose answer turns out to be private."""
    proxy = Proxy(origin, "--origin-connections", str(options.clients + 100))
    clients = await connected(options.clients, proxy.port)
    target = "/private?delay=1&cc=private"
    for client in clients:
        client.ask(target)
    await asyncio.gather(*(c.answered(60) for c in clients))
    good, bodies, text = summary(clients)
    check(
        f"{len(clients):,} clients, the answer is private: to each its own, after about two of the origin's seconds",
        len(good) == len(bodies) == len(clients) and longest(clients) < 5,
        f"{text}, {origin.calls('/private')} origin calls, {longest(clients):.2f} s")
    second = clients[:100]
    for client in second:
        client.ask(target)
    await asyncio.gather(*(c.answered(60) for c in second))
    good, bodies, text = summary(second)
    check(
        "100 more do not queue behind each other", len(good) == len(bodies) == 100 and longest(second) < 2,
        f"{text}, {longest(second):.2f} s")
    leave_all(clients)
    proxy.stop()


async def memory(options, origin):
    """A large body of unknown length, with a thousand readers."""
    size = options.body * MIB
    digest = hashlib.sha256(large_body(size)).hexdigest()

    async def stampede(proxy, count, path, **how):
        target = f"{path}?size={size}&delay=0.5&cc=max-age%3D600"
        clients = await connected(count, proxy.port)
        # Connections have buffers of their own: they are part of what was there before.
        await asyncio.gather(*(c.get("/warm?cc=max-age%3D60") for c in clients))
        before = proxy.begin_peak()
        for client in clients:
            client.ask(target, large=True, **how)
        await asyncio.gather(*(c.answered(300) for c in clients))
        grown = proxy.memory("VmHWM") - before
        after = proxy.memory("VmRSS") - before
        least = how.get("limit", size)
        whole = [c for c in clients if c.is_good and c.length >= least and (c.length == size or "limit" in how)]
        bad = next((f"; first failure: {c.error or c.status}" for c in clients if c not in whole), "")
        text = (
            f"{origin.calls(path)} origin calls, {len(whole)} of {count} got them, {longest(clients):.1f} s, "
            f"{sum(c.length for c in clients) / 1e9:.1f} GB sent{bad}; resident memory +{grown / MIB:.0f} MiB at its peak, "
            f"{after / MIB:+.0f} MiB after (clients times body would be {count * least // MIB:,} MiB)")
        leave_all(clients)
        return len(whole) == count and origin.calls(path) == 1, grown, text

    # What is held before the body outgrows its limit, the window after that, and what the server holds for sockets that
    # are full. It must not depend on clients times body.
    bound = 64 * MIB
    proxy = Proxy(origin, "--maximum-body", "8MiB")
    shown, grown, text = await stampede(proxy, options.readers, "/outgrows")
    check(
        f"{options.readers} clients read the same {options.body} MiB of unknown length, which outgrow the limit of 8 MiB",
        shown and grown < bound, text)
    print(f"      (1,000 clients times {options.body} MiB take this machine too long: 1,000 read 5 MiB each, and leave)")
    shown, grown, text = await stampede(proxy, options.clients, "/leave", limit=5 * MIB)
    check(f"{options.clients:,} clients read the first 5 MiB of the same, and leave", shown and grown < bound, text)
    proxy.stop()

    proxy = Proxy(origin, "--maximum-body", "64MiB", "--capacity", "1GiB")
    shown, grown, text = await stampede(proxy, options.readers, "/fits")
    check(
        f"{options.readers} clients read the same {options.body} MiB, which may be stored whole",
        shown and grown < 2.5 * size + bound, text)
    late = (await connected(1, proxy.port))[0]
    late.ask(f"/fits?size={size}&delay=0.5&cc=max-age%3D600", large=False)
    await late.answered(60)
    status = late.fields.get("cache-status", "")
    check(
        "a later request for it is a hit", late.is_good and "; hit" in status and origin.calls("/fits") == 1
        and hashlib.sha256(late.body).hexdigest() == digest, f"{status}, SHA-256 of the origin's bytes")
    late.leave()
    proxy.stop()


async def slow(options, origin):
    """Readers that stop reading do not stop the others for ever."""
    size = options.body * MIB
    proxy = Proxy(origin, "--maximum-body", "8MiB")
    count, stalled_count = 100, 20
    stalled = await connected(stalled_count, proxy.port, receive_buffer=16 << 10)
    clients = await connected(count - stalled_count, proxy.port)
    query = f"?size={size}&delay=0.5&cc=max-age%3D60"
    # How long it takes this machine when nobody stalls.
    for client in clients:
        client.ask("/steady" + query, large=True)
    await asyncio.gather(*(c.answered(90) for c in clients))
    steady = longest(clients)
    target = "/stalled" + query
    for number, client in enumerate(stalled):
        # Each at a place of its own, so that letting go of one does not help against the next.
        client.ask(target, large=True, stalls_at=8 * MIB + number * 64 * 1024)
    for client in clients:
        client.ask(target, large=True)
    await asyncio.gather(*(c.answered(90) for c in clients))
    whole = [c for c in clients if c.is_good and c.length == size]
    bad = next((f"; first failure: {c.error or c.status}" for c in clients if c not in whole), "")
    check(
        f"{stalled_count} of {count} clients stop reading the same {options.body} MiB, the others go on",
        len(whole) == len(clients) and longest(clients) < steady + 25,
        f"{len(whole)} of {len(clients)} got all, {longest(clients):.1f} s instead of {steady:.1f} s without the others "
        f"(who takes nothing is let go of after 10 s, the next sooner), {origin.calls('/stalled')} origin calls{bad}")
    leave_all(clients + stalled)
    proxy.stop()


async def outage(options, origin):
    """The origin is killed under load, and comes back."""
    proxy = Proxy(origin, "--stale-if-error", "60s")
    kept = [f"/kept/{n}?cc=max-age%3D1" for n in range(180)]
    brief = [f"/brief/{n}?cc=max-age%3D1,stale-if-error%3D1" for n in range(10)]
    cold = [f"/cold/{n}?cc=max-age%3D1" for n in range(10)]
    phase = {"name": "before", "stop": False}
    seen = {}

    async def worker(number):
        random_source = random.Random(number)
        client = await Client.connect(proxy.port)
        while not phase["stop"]:
            began = phase["name"]
            # What was never cached is asked for only once the origin is gone.
            target = random_source.choice(kept + brief + (cold if began != "before" else []))
            group = target.split("/")[1]
            await client.get(target, 30)
            if began == phase["name"]:
                seen.setdefault((began, group), []).append(
                    (client.status, client.error, client.body, client.fields.get("cache-status", "")))
            if client.error or client.transport.is_closing():
                client = await Client.connect(proxy.port)
            await asyncio.sleep(0)
        client.leave()

    first = await Client.connect(proxy.port)
    for target in kept + brief:
        await first.get(target)
    first.leave()
    workers = [asyncio.ensure_future(worker(n)) for n in range(60)]
    await asyncio.sleep(2)
    phase["name"] = "dying"
    origin.kill()
    # From here on entries of the brief kind are past their window: 1 s fresh, 1 s stale.
    kill_time = time.monotonic()
    await asyncio.sleep(3)
    phase["name"] = "gone"
    await asyncio.sleep(3)
    phase["name"] = "returning"
    origin.start()
    returned = time.monotonic()
    # A refresh that has failed is not repeated for 10 s while something stale may be served.
    await asyncio.sleep(12)
    phase["name"] = "after"
    await asyncio.sleep(2)
    phase["stop"] = True
    await asyncio.gather(*workers)

    def of(group, *phases):
        return [answer for name in phases for answer in seen.get((name, group), [])]

    def good(answers):
        return [a for a in answers if a[0] == 200 and a[1] is None]

    def first_bad(answers):
        return next((f"; first: {a[0]} {a[1] or a[2][:100]}" for a in answers if a[0] != 200 or a[1]), "")

    before = of("kept", "before") + of("brief", "before")
    check(
        "60 clients over 200 URLs while the origin lives", len(good(before)) == len(before) > 100,
        f"{len(before):,} requests, {len(before) - len(good(before))} errors")
    answers = of("kept", "dying", "gone")
    stale = [a for a in answers if "hit" in a[3]]
    check(
        "the origin is killed: what is within its stale-if-error window goes on being served",
        len(good(answers)) == len(answers) > 100,
        f"{len(answers):,} requests within {returned - kill_time:.0f} s, {len(answers) - len(good(answers))} errors, "
        f"{len(stale):,} from the cache{first_bad(answers)}")
    for group, name in (("cold", "what was never cached"), ("brief", "what is past its window")):
        answers = of(group, "gone")
        clear = [a for a in answers if a[0] == 502 and a[1] is None and b"could not be reached" in a[2]]
        check(
            f"{name} gets a 502 that says why", len(clear) == len(answers) > 10,
            f"{len(clear):,} of {len(answers):,}: {answers[0][2].decode().strip() if answers else ''}")
    answers = [a for group in ("kept", "brief", "cold") for a in of(group, "after")]
    new = [a for a in answers if "fwd=" in a[3]]
    check(
        "the origin is back: everything recovers without a restart",
        len(good(answers)) == len(answers) > 100 and len(new) > 100 and proxy.process.poll() is None,
        f"{len(answers):,} requests, {len(answers) - len(good(answers))} errors, {len(new):,} from the origin"
        f"{first_bad(answers)}")
    check("the proxy ends well after that", proxy.stop() == 0, f"exit status {proxy.process.returncode}")


async def drain(options, origin):
    """SIGTERM while requests are in flight."""
    proxy = Proxy(origin, "--origin-connections", "300")
    clients = await connected(200, proxy.port)
    for number, client in enumerate(clients):
        # Half of them share a flight, half have one of their own.
        client.ask(f"/drain/{number if number % 2 else 0}?delay=1.5&cc=max-age%3D60")
    await origin.called("/drain/199")
    proxy.process.terminate()
    began = time.monotonic()
    await asyncio.sleep(0.3)
    is_open = True
    try:
        socket.create_connection(("127.0.0.1", proxy.port), 1).close()
    except OSError:
        is_open = False
    await asyncio.gather(*(c.answered(30) for c in clients))
    good, _, text = summary(clients)
    code = await asyncio.to_thread(proxy.stop)
    check(
        "SIGTERM with 200 requests in flight: they are answered, nobody new is let in, exit status 0",
        len(good) == 200 and code == 0 and not is_open,
        f"{text}, new connections {'accepted' if is_open else 'refused'}, exit status {code} after "
        f"{time.monotonic() - began:.2f} s")
    leave_all(clients)


# --- The rest --------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, seconds=20):
    deadline = time.time() + seconds
    while time.time() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on port {port}")


def main():
    parts = {"herd": herd, "private": private, "memory": memory, "slow": slow, "outage": outage, "drain": drain}
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--proxy")
    arguments.add_argument("--clients", type=int, default=1000)
    arguments.add_argument("--readers", type=int, default=200, help="how many clients read all of the large body")
    arguments.add_argument("--body", type=int, default=50, help="the size of the large body in MiB")
    arguments.add_argument("--only", default=",".join(parts), help="which parts: " + ", ".join(parts))
    arguments.add_argument("--origin", type=int, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = options.clients * 2 + 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(needed, hard) if hard >= 0 else needed), hard))
    if options.origin:
        return run_origin(options.origin)
    if not options.proxy:
        arguments.error("--proxy is missing")
    Proxy.binary = options.proxy
    began = time.monotonic()
    for name in options.only.split(","):
        # An origin for each part: none suffers from what another left behind.
        origin = OriginProcess()
        try:
            asyncio.run(parts[name](options, origin))
        finally:
            origin.kill()
    print(f"{passes} passed, {len(failures)} failed, {time.monotonic() - began:.0f} s")
    sys.exit(1 if failures else 0)


main()
