#!/usr/bin/env python3
"""Attacks the caching proxy, at its defaults, as one client that means harm to the others.

The attacker has the address 127.0.0.2, the victims 127.0.0.1. The origin is this script too, in a process of its own; it
refuses and fails as the attacker's fields tell it to. Everything is on free ports. Needs nothing but Python.

  Hits    while the attacker sends 200 requests a second of one kind, a victim asks for a stored page: at least 99 % of its
          requests have to be answered from the cache. Once for a page whose lifetime is the origin's, and for some kinds
          once for a page whose lifetime is the proxy's (--ttl).
  Stale   the same where the page expires every second and may be served stale on errors: the victim gets no error, and
          nothing older than a second more than that.
  Misses  while the attacker holds or floods as many connections as it can, a victim asks for pages that are not stored:
          none may take longer than one response of the origin, its own or one of the attacker's, and some slack. What
          takes the origin longer than a victim would wait (event streams, slow pages) must not be waited for at all.
  Files   while the attacker reads large files as slowly as it may, a victim downloads the same ones: at full speed.
  Shares  attacker and victim both want more origin connections than there are: both get about as much.

    attack_check.py --proxy .build/release/caching-proxy            all of it, about five minutes
    attack_check.py --proxy .build/release/caching-proxy --short    the same attacks for a shorter time, about half of that
    attack_check.py --proxy … --only hits:via,misses                parts, or attacks whose name contains a word
"""
import argparse
import asyncio
import itertools
import resource
import socket
import subprocess
import sys
import time

ATTACKER, VICTIM = "127.0.0.2", "127.0.0.1"
RATE = 200
CONNECTIONS = 128  # the proxy's default
# What a busy machine may add to the time a victim waits, and what the proxy needs to notice that a client holds it up.
SLACK = 2.5


# --- The origin ------------------------------------------------------------------------------------------------------


class Origin(asyncio.Protocol):
    """Answers what the attacker's fields make many origins answer, and counts calls by path."""

    calls = {}
    current = {}
    peak = {}

    def connection_made(self, transport):
        self.transport, self.input, self.work = transport, b"", None
        self.room = asyncio.Event()
        self.room.set()

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
        if self.work is None or self.work.done():
            self.work = asyncio.ensure_future(self.serve())

    async def serve(self):
        while b"\r\n\r\n" in self.input:
            head, _, self.input = self.input.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            fields = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                fields.setdefault(name.lower(), value.strip())
            left = int(fields.get("content-length", 0))
            while len(self.input) < left and not self.transport.is_closing():
                await asyncio.sleep(0.005)
            self.input = self.input[left:]
            if "chunked" in fields.get("transfer-encoding", ""):
                while b"0\r\n\r\n" not in self.input and not self.transport.is_closing():
                    await asyncio.sleep(0.005)
                self.input = self.input.partition(b"0\r\n\r\n")[2]
            await self.answer(method, target, fields, len(head))
            if self.transport.is_closing():
                return

    def send(self, status, fields, body, method="GET"):
        head = f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
        if status not in (204, 304):
            head += f"Content-Length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"\r\n" + (b"" if method == "HEAD" or status in (204, 304) else body))

    async def send_large(self, path):
        """A file whose name says how many MiB it has: /large20-name."""
        count = int(path[6:].split("-")[0])
        self.transport.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nETag: \"1\"\r\n"
                             b"Content-Length: %d\r\n\r\n" % (count << 20))
        for _ in range(count * 4):
            if self.transport.is_closing():
                return
            self.transport.write(b"x" * (256 << 10))
            await self.room.wait()

    async def answer(self, method, target, fields, head_size):
        path = target.split("?")[0]
        Origin.calls[path] = Origin.calls.get(path, 0) + 1
        if path.startswith("/large"):
            return await self.send_large(path)
        if path.startswith("/stale"):
            # What makes an application fail: everything that it has not expected.
            own = [("Cache-Control", "max-age=1, stale-if-error=600"), ("ETag", f'"{time.time():.3f}"')]
            odd = ("x-http-method-override" in fields or fields.get("accept-language", "en") != "en" or head_size > 1500
                   or "x-fail" in fields or "cookie" in fields or "authorization" in fields)
            return self.send(500, [], b"cannot") if odd else self.send(200, own, f"{time.time():.3f}".encode(), method)
        if path.startswith("/plain"):
            # Without a lifetime, for proxies that give it one. One user's own page for whoever has a cookie or credentials.
            personal = fields.get("cookie") or fields.get("authorization")
            body = f"hello {personal}".encode() if personal else b"x" * 1000
            if fields.get("if-none-match") == '"1"' and not personal:
                return self.send(304, [("ETag", '"1"')], b"")
            return self.send(200, [("ETag", '"2"' if personal else '"1"')], body, method)
        if path.startswith("/-/calls/"):
            return self.send(200, [("Cache-Control", "no-store")], str(Origin.calls.get(path[8:], 0)).encode())
        if path == "/stream":
            self.transport.write(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n")
            piece = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
            while not self.transport.is_closing():
                self.transport.write(piece)
                await self.room.wait()
                await asyncio.sleep(0)
            return
        if path.startswith("/events"):
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                                 b"Transfer-Encoding: chunked\r\n\r\n")
            while not self.transport.is_closing():
                self.transport.write(b"9\r\ndata: x\n\n\r\n")
                await asyncio.sleep(0.5)
            return
        delay = next((p[6:] for p in target.partition("?")[2].split("&") if p.startswith("delay=")), None)
        delay = delay or fields.get("x-delay")
        if delay:
            await asyncio.sleep(float(delay))
        # The kinds of refusal that a cache can be poisoned with or emptied by (cpdos.org, and others).
        if method not in ("GET", "HEAD"):
            return self.send(405, [("Allow", "GET, HEAD")], b"no such method\n")
        if "x-http-method-override" in fields or "x-method-override" in fields:
            return self.send(405, [], b"no such method\n")
        if head_size > 8192:
            return self.send(400, [], b"head too large\n")
        if fields.get("x-close"):
            return self.transport.abort()
        if fields.get("x-garbage"):
            self.transport.write(b"not HTTP\r\n\r\n")
            return self.transport.close()
        if fields.get("x-status"):
            return self.send(int(fields["x-status"]), [("Cache-Control", fields.get("x-cc", "max-age=60"))], b"as told\n")
        if fields.get("x-cc"):
            return self.send(200, [("Cache-Control", fields["x-cc"])], b"as told\n", method)
        if fields.get("x-vary"):
            return self.send(200, [("Cache-Control", "max-age=600"), ("Vary", fields["x-vary"])], b"as told\n", method)
        if "authorization" in fields:
            return self.send(401, [("WWW-Authenticate", "Basic")], b"who are you\n")
        if "cookie" in fields:
            return self.send(200, [("Cache-Control", "private")], b"hello " + fields["cookie"].encode(), method)
        if "x-original-url" in fields or "x-rewrite-url" in fields:
            return self.send(404, [("Cache-Control", "max-age=60")], b"no such page\n")
        if "x-forwarded-host" in fields and "evil" in fields["x-forwarded-host"]:
            return self.send(301, [("Location", "http://" + fields["x-forwarded-host"]), ("Cache-Control", "max-age=60")],
                             b"")
        if "if-match" in fields or "if-unmodified-since" in fields:
            return self.send(412, [], b"")
        if "range" in fields and "9999" in fields["range"]:
            return self.send(416, [("Content-Range", "bytes */1000")], b"")
        body = b"x" * (1000 if path.startswith("/hot") else 100_000 if path.startswith("/filler") else 10)
        if method == "HEAD" and "x-other-length" in fields:
            body += b"y"
        own = [("Cache-Control", "max-age=600"), ("ETag", '"1"'), ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")]
        if path.endswith("-variants"):
            own += [("Vary", "Accept-Language")]
        if "if-none-match" in fields and fields["if-none-match"] in ('"1"', "*"):
            return self.send(304, own, b"")
        self.send(200, own, body, method)


def run_origin(port):
    async def run():
        server = await asyncio.get_running_loop().create_server(Origin, "127.0.0.1", port, backlog=2048)
        await server.serve_forever()

    asyncio.run(run())


# --- Clients ---------------------------------------------------------------------------------------------------------


async def connect(port, address, receive_buffer=None):
    loop = asyncio.get_running_loop()
    handle = socket.socket()
    if receive_buffer:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    handle.setblocking(False)
    handle.bind((address, 0))
    await loop.sock_connect(handle, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=handle, limit=1 << 16)


async def read_response(reader, is_head=False):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status = int(head.split(" ", 2)[1])
    fields = {}
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    if status < 200:
        return await read_response(reader, is_head)
    body = b""
    if not is_head and status not in (204, 304):
        body = await reader.readexactly(int(fields.get("content-length", 0)))
    return status, fields, body


class Victim:
    """A client that keeps its connection, and asks for one page after the other."""

    def __init__(self, port):
        self.port, self.streams = port, None

    async def get(self, target, fields="", limit=15):
        try:
            async with asyncio.timeout(limit):
                if not self.streams:
                    self.streams = await connect(self.port, VICTIM)
                reader, writer = self.streams
                writer.write(f"GET {target} HTTP/1.1\r\nHost: site\r\nAccept-Language: en\r\n{fields}\r\n".encode())
                response = await read_response(reader)
                if response[1].get("connection") == "close":
                    self.leave()
                return response
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.leave()
            return 0, {}, repr(error).encode()

    def leave(self):
        if self.streams:
            self.streams[1].close()
        self.streams = None


async def fire(port, octets):
    """One request of the attacker, on a connection of its own; the answer is of no interest, but waited for a little."""
    try:
        reader, writer = await connect(port, ATTACKER)
        writer.write(octets)
        async with asyncio.timeout(2):
            await reader.read(4096)
        writer.transport.abort()
    except (OSError, TimeoutError):
        pass


# --- Hits ------------------------------------------------------------------------------------------------------------


def get(fields="", target="/hot", method="GET", host="site", body=""):
    lines = "".join(line + "\r\n" for line in fields.split("\n") if line)
    return lambda n: f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n{body}".replace("{n}", str(n)).encode()


FRESH = "Cache-Control: no-cache"
ATTACKS = [
    ("no-cache", get(FRESH)),
    ("max-age=0", get("Cache-Control: max-age=0")),
    ("Pragma: no-cache", get("Pragma: no-cache")),
    ("no-store", get("Cache-Control: no-store")),
    ("min-fresh for ever", get("Cache-Control: min-fresh=99999999")),
    ("only-if-cached", get("Cache-Control: only-if-cached, max-age=0")),
    ("max-stale with no-cache", get("Cache-Control: max-stale, no-cache")),
    ("directives without end", get("Cache-Control: " + ", ".join(["no-cache"] * 400))),
    ("HEAD no-cache", get(FRESH, method="HEAD")),
    ("HEAD of another length", get(FRESH + "\nX-Other-Length: 1", method="HEAD")),
    ("HEAD that is refused", get(FRESH + "\nX-Status: 403", method="HEAD")),
    ("Via flood, no-cache", get(FRESH + "\nVia: " + ", ".join(["1.1 a"] * 21))),
    ("Via flood", get("Via: " + ", ".join(["1.1 a"] * 21), target="/hot?{n}")),
    ("If-None-Match of another tag", get(FRESH + '\nIf-None-Match: "other"')),
    ("If-None-Match: *", get(FRESH + "\nIf-None-Match: *")),
    ("If-Match that fails", get(FRESH + '\nIf-Match: "other"')),
    ("If-Unmodified-Since that fails", get(FRESH + "\nIf-Unmodified-Since: Mon, 01 Jan 1990 00:00:00 GMT")),
    ("If-Modified-Since in future", get(FRESH + "\nIf-Modified-Since: Mon, 01 Jan 2090 00:00:00 GMT")),
    ("Range of one byte", get(FRESH + "\nRange: bytes=0-0")),
    ("many ranges", get("Range: bytes=" + ",".join(f"{n}-{n}" for n in range(0, 900, 2)))),
    ("Range beyond the end", get(FRESH + "\nRange: bytes=9999-")),
    ("If-Range of another tag", get(FRESH + '\nRange: bytes=0-9\nIf-Range: "other"')),
    ("Connection lists Accept-Language", get("Connection: Accept-Language\nAccept-Language: en", target="/hot-variants")),
    ("Connection lists Cache-Control", get(FRESH + "\nConnection: Cache-Control, Host, Via, Date")),
    ("Connection lists all of it", get(FRESH + "\nX-Status: 403\nConnection: Cookie, Authorization, X-Forwarded-For, Range")),
    ("head of 9 KB, refused with 400", get(FRESH + "\nX-Big: " + "x" * 9000)),
    ("head of 31 KB", get(FRESH + "\nX-Big: " + "x" * 31000)),
    ("head beyond the limit", get(FRESH + "\nX-Big: " + "x" * 40000)),
    ("method override, 405", get(FRESH + "\nX-HTTP-Method-Override: POST")),
    ("cookie that makes it private", get(FRESH + "\nCookie: sid=attacker{n}")),
    ("cookies without sense", get("Cookie: ;;=; =a; \"; a=b=c; {n}")),
    ("Authorization, 401", get(FRESH + "\nAuthorization: Basic eDp5")),
    ("X-Original-URL, 404", get(FRESH + "\nX-Original-URL: /none")),
    ("X-Forwarded-Host, 301", get(FRESH + "\nX-Forwarded-Host: evil.test")),
    *((f"origin made to answer {s}", get(FRESH + f"\nX-Status: {s}"))
      for s in (204, 206, 300, 400, 403, 404, 410, 414, 416, 429, 431, 500, 501, 503)),
    *((f"origin made to say {cc}", get(FRESH + f"\nX-CC: {cc}")) for cc in ("no-store", "private", "max-age=0", "no-cache")),
    *((f"origin made to say Vary: {v}", get(FRESH + f"\nX-Vary: {v}")) for v in ("*", "User-Agent", "X-Random")),
    ("origin made to close", get(FRESH + "\nX-Close: 1")),
    ("origin made to answer garbage", get(FRESH + "\nX-Garbage: 1")),
    ("origin made to be slow", get(FRESH + "\nX-Delay: 1")),
    ("variants without end", get("Accept-Language: l{n}", target="/hot-variants")),
    ("queries without end", get(target="/filler?{n}")),
    ("hosts without end", get(host="h{n}.test")),
    ("absolute target", lambda n: b"GET http://site/hot HTTP/1.1\r\nHost: other\r\nCache-Control: no-cache\r\n\r\n"),
    ("POST that is refused", get("Content-Length: 1", method="POST", body="x")),
    ("DELETE that is refused", get(method="DELETE")),
    ("PUT that is refused", get("Content-Length: 1", method="PUT", body="x")),
    ("PURGE", get(method="PURGE")),
    ("a method nobody knows", get(method="FROB{n}")),
    ("TRACE", get(method="TRACE")),
    ("OPTIONS", get(method="OPTIONS")),
    ("GET with content", get(FRESH + "\nContent-Length: 40", body="GET /hot HTTP/1.1\r\nHost: site\r\nA: bcde\r\n\r\n")),
    ("GET with chunks", get(FRESH + "\nTransfer-Encoding: chunked", body="5\r\nhello\r\n0\r\n\r\n")),
    ("Expect without content", get(FRESH + "\nExpect: 100-continue")),
    ("Upgrade", get(FRESH + "\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQ")),
    ("HTTP/1.0", lambda n: b"GET /hot HTTP/1.0\r\nHost: site\r\nPragma: no-cache\r\n\r\n"),
    ("heads that are malformed", lambda n: b"GET /hot HTTP/1.1\r\nHost: site\r\nA : b\r\n\r\n"),
    ("a pipeline", lambda n: get(FRESH)(n) * 5),
]


# Against a page whose lifetime is the proxy's: what makes a request one user's own, and what demands a new response.
LIFETIME_ATTACKS = [
    ("Authorization", get("Authorization: Basic {n}")),
    ("Authorization with no-cache", get(FRESH + "\nAuthorization: Basic {n}")),
    ("a cookie", get("Cookie: sid={n}")),
    ("a cookie with no-cache", get(FRESH + "\nCookie: sid={n}")),
    ("no-cache", get(FRESH)),
    ("max-age=0", get("Cache-Control: max-age=0")),
    ("no-store", get("Cache-Control: no-store")),
    ("a tag of one's own", get(FRESH + '\nIf-None-Match: "2"')),
    ("a range with a cookie", get("Range: bytes=0-9\nCookie: sid={n}")),
]


# Against a page that expires every second: what makes the origin fail.
STALE_ATTACKS = [
    ("a method override", get("X-HTTP-Method-Override: DELETE")),
    ("an odd Accept-Language", get("Accept-Language: ../../etc/passwd{n}")),
    ("a long X-…", get("X-Long: " + "y" * 2000)),
    ("a field that makes it fail", get("X-Fail: 1")),
    ("a cookie", get("Cookie: sid={n}")),
    ("Authorization", get("Authorization: Basic {n}")),
    ("an override with no-cache", get(FRESH + "\nX-HTTP-Method-Override: DELETE")),
    ("a range with an override", get("Range: bytes=0-1\nX-HTTP-Method-Override: DELETE")),
]


def is_hit(answer):
    status, fields, body = answer
    return status == 200 and body == b"x" * 1000 and "; hit" in fields.get("cache-status", "")


async def attack(port, page, make, over):
    """Sends RATE requests a second for `page` until then; returns their number."""
    tasks, start = [], time.monotonic()
    for number in itertools.count():
        wait = start + number / RATE - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        if time.monotonic() >= over:
            break
        tasks.append(asyncio.ensure_future(fire(port, make(number).replace(b"/hot", page.encode()))))
    for task in tasks:
        if not task.done():
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return len(tasks)


async def hits(options, port, page, make):
    """The share of a victim's requests for a stored page that are hits while the attacker sends."""
    victim = Victim(port)
    target = page + ("-variants" if b"-variants" in make(0) else "")
    await victim.get(target)
    over = time.monotonic() + options.duration
    answers = []

    async def ask():
        while time.monotonic() < over:
            answers.append(await victim.get(target))
            await asyncio.sleep(0.004)

    sent, _ = await asyncio.gather(attack(port, page, make, over), ask())
    # And what is left behind.
    for _ in range(10):
        answers.append(await victim.get(target))
    victim.leave()
    good = [a for a in answers if is_hit(a)]
    ratio = len(good) / len(answers)
    bad = next((f"; first: {a[0]} {a[1].get('cache-status', a[2][:60])}" for a in answers if a not in good), "")
    return ratio >= 0.99, f"{ratio:7.2%} of {len(answers):4} hits, {sent} attacks{bad}"


async def stale(options, port, page, make):
    """The age of what a victim gets of a page that expires every second, while the attacker makes the origin fail."""
    victim = Victim(port)
    await victim.get(page)
    over = time.monotonic() + (4 if options.short else 6)
    ages, bad = [], []

    async def ask():
        while time.monotonic() < over:
            answer = await victim.get(page)
            try:
                ages.append(time.time() - float(answer[2]) if answer[0] == 200 else None)
            except ValueError:
                ages.append(None)
            if ages[-1] is None or ages[-1] > 2 + SLACK / 2:
                bad.append(answer)
            await asyncio.sleep(0.02)

    sent, _ = await asyncio.gather(attack(port, page, make, over), ask())
    victim.leave()
    oldest = max((age for age in ages if age is not None), default=0)
    why = f"; first: {bad[0][0]} {bad[0][1].get('cache-status', bad[0][2][:60])}" if bad else ""
    return len(bad) <= len(ages) / 100, f"{len(ages) - len(bad)} of {len(ages)} good, oldest {oldest:.2f} s, {sent} attacks{why}"


# --- Misses ----------------------------------------------------------------------------------------------------------


async def hold(port, count, octets, trickle=None, every=0.5, receive_buffer=None, addresses=(ATTACKER,), leaves=False):
    """Opens `count` connections, sends `octets` on each, then `trickle` again and again; returns how to stop."""
    streams = await asyncio.gather(
        *(connect(port, addresses[n % len(addresses)], receive_buffer) for n in range(count)))
    for number, (_, writer) in enumerate(streams):
        if receive_buffer:
            writer.transport.pause_reading()
        writer.write(octets(number))
        if leaves:
            writer.close()

    async def go_on():
        while trickle:
            await asyncio.sleep(every)
            for _, writer in streams:
                if not writer.transport.is_closing():
                    writer.write(trickle)

    task = asyncio.ensure_future(go_on())

    def stop():
        task.cancel()
        for _, writer in streams:
            writer.transport.abort()

    return stop


def post(rest):
    return lambda n: f"POST /p{n} HTTP/1.1\r\nHost: site\r\n{rest}".encode()


async def leave_at_once(port, count, octets):
    """Clients that ask and go, again and again."""

    async def go_on():
        for number in itertools.count():
            try:
                _, writer = await connect(port, ATTACKER)
                writer.write(octets(number))
                await writer.drain()
                writer.close()
            except OSError:
                pass
            await asyncio.sleep(1 / count)

    task = asyncio.ensure_future(go_on())
    return task.cancel


SEVERAL = [f"127.0.0.{n}" for n in range(2, 6)]


def uncollapsed(number, name, fields="", method="GET", host="site"):
    """Requests for four pages that the victim asks for, too, and with which the cache does not collapse the victim's."""
    page = lambda n: f"/t{number}-{n}?delay=1"
    begin = lambda n: get(fields, page(n % 4), method, host)(n)
    return (f"the victim's pages, {name}",
            lambda port: hold(port, 1000, begin, b"".join(begin(n) for n in range(4)), every=1),
            1, lambda n: page(n) if n < 4 else None)


UNCOLLAPSED = [
    ("with Authorization", "Authorization: Basic {n}"), ("by HEAD", "", "HEAD"), ("by Range", "Range: bytes=9999{n}-"),
    ("by other hosts", "", "GET", "h{n}.test"), ("with If-Match", 'If-Match: "{n}"'),
    ("with no-store", "Cache-Control: no-store"), ("uncacheable", "X-CC: no-store")]
# Name, how to begin, and how long the victim may wait for the origin to answer the attacker's requests; the victim's
# targets, by number, if they are not its own.
HOLDS = [
    ("slow posts", lambda p: hold(p, 300, post("Content-Length: 1000000\r\n\r\na"), b"a"), 0),
    ("slow posts that begin fast", lambda p: hold(
        p, 300, post("Content-Length: 1000000\r\n\r\n" + "a" * 70_000), b"a" * 100), 0),
    ("slow chunks", lambda p: hold(
        p, 300, post("Transfer-Encoding: chunked\r\n\r\n" + "10000\r\n" + "a" * 65536 + "\r\n"), b"1\r\na\r\n"), 0),
    ("posts that expect 100 (Continue)", lambda p: hold(
        p, 300, post("Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")), 0),
    ("GET with slow content", lambda p: hold(
        p, 300, lambda n: b"GET /g HTTP/1.1\r\nHost: site\r\nContent-Length: 100000\r\n\r\n" + b"a" * 40_000, b"a"), 0),
    ("readers that read nothing", lambda p: hold(p, 200, get(target="/stream"), receive_buffer=4096), 0),
    ("heads that do not end", lambda p: hold(p, 1000, lambda n: b"GET / HTTP/1.1\r\nHost: site\r\n", b"X: y\r\n"), 0),
    ("connections that say nothing", lambda p: hold(p, 2000, lambda n: b""), 0),
    ("pipelines that nobody reads", lambda p: hold(
        p, 50, lambda n: get(target="/hot")(n) * 2000, receive_buffer=4096), 0),
    ("1,000 misses at once", lambda p: hold(p, 1000, get(target="/m{n}?delay=0.3"), get(target="/m?delay=0.3")(0)), 0.3),
    ("pages that it has asked for first", lambda p: hold(p, 1000, get(target="/first{n}?delay=0.3")), 0.3,
     lambda n: f"/first{990 - n}?delay=0.3"),
    *(uncollapsed(number, *request) for number, request in enumerate(UNCOLLAPSED)),
    ("1,000 misses of one page", lambda p: hold(p, 1000, get(target="/m?delay=0.3")), 0.3),
    ("clients that ask and leave", lambda p: leave_at_once(p, RATE, get(target="/left{n}?delay=0.3")), 0.3),
    # What lasts longer than a request waits for a connection. Nobody has to wait for the end of that.
    ("event streams, read at once", lambda p: hold(p, 200, get(target="/events{n}")), 0),
    ("event streams of four clients", lambda p: hold(p, 400, get(target="/events{n}"), addresses=SEVERAL), 0),
    ("GETs that take long", lambda p: hold(p, 200, get(target="/long{n}?delay=8")), 0),
    # The limit of --slow-call-limit: then others share a call with a neutral request.
    ("the victim's pages, made to be slow", lambda p: hold(p, 12, get("X-Delay: 8", target="/slowed{n}")), 2,
     lambda n: f"/slowed{n}"),
    ("event streams of two clients", lambda p: hold(p, 400, get(target="/events{n}"), addresses=SEVERAL[:2]), 0),
    ("GETs of four clients that take long", lambda p: hold(
        p, 400, get(target="/long{n}?delay=8"), addresses=SEVERAL), 0),
    ("POSTs that take long", lambda p: hold(p, 200, lambda n: get(
        "Content-Length: 1\nX-Delay: 8", target=f"/post{n}", method="POST", body="x")(n)), 0),
    ("GETs of clients that have left", lambda p: hold(p, 200, get(target="/gone{n}?delay=8"), leaves=True), 0),
    ("HEADs of clients that have left", lambda p: hold(
        p, 200, get(target="/gone{n}?delay=8", method="HEAD"), leaves=True), 0),
    ("GETs of four that have left", lambda p: hold(
        p, 400, get(target="/gone-too{n}?delay=8"), leaves=True, addresses=SEVERAL), 0),
]


async def misses(options, port, name, begin, attackers_delay, wanted=None):
    victim = Victim(port)
    stop = await begin(port)
    # Readers of streams hold nothing up before the buffers between them and the origin are full.
    await asyncio.sleep(6 if "readers" in name else 0.5 if options.short else 1.5)
    own = 0.05
    times, bad = [], ""
    for number in range(4 if options.short else 12):
        start = time.monotonic()
        page = f"/victim/{name.replace(' ', '-')}/{number}?delay={own}"
        answer = await victim.get(wanted and wanted(number) or page)
        times.append(time.monotonic() - start)
        if answer[0] != 200:
            bad = bad or f"; first: {answer[0]} {answer[2][:80]}"
    stop()
    victim.leave()
    longest, allowed = max(times), own + attackers_delay + SLACK
    await asyncio.sleep(0.2)
    return not bad and longest <= allowed, f"longest {longest:5.2f} s, allowed {allowed:.2f} s, {len(times)} misses{bad}"


# --- Files -----------------------------------------------------------------------------------------------------------


async def files(options, port, size, count):
    """How long a victim takes to download a file while `count` slow readers of it have come first."""
    page = f"/large{size}-{count}"
    stop = await hold(port, count, get(target=page), receive_buffer=4096)
    await asyncio.sleep(1)
    victim = Victim(port)
    times, bad = [], ""
    for _ in range(2 if options.short else 4):
        start = time.monotonic()
        answer = await victim.get(page, limit=30)
        times.append(time.monotonic() - start)
        if answer[0] != 200 or len(answer[2]) != size << 20:
            bad = bad or f"; first: {answer[0]} {len(answer[2])} octets {answer[2][:60]}"
    stop()
    victim.leave()
    await asyncio.sleep(0.2)
    allowed = SLACK + size / 10
    return not bad and max(times) <= allowed, f"longest {max(times):5.2f} s, allowed {allowed:.2f} s{bad}"


FILES = [(size, count) for size in (2, 6, 20) for count in (1, 40)]


# --- Shares ----------------------------------------------------------------------------------------------------------


async def shares(options, port):
    """Two clients that both want more than there is."""
    duration = 2 if options.short else 5
    over = time.monotonic() + duration
    counts = {ATTACKER: 0, VICTIM: 0}
    serial = itertools.count()

    async def ask(address):
        reader, writer = await connect(port, address)
        while time.monotonic() < over:
            writer.write(get(target=f"/share{next(serial)}?delay=0.2")(0))
            if (await read_response(reader))[0] == 200 and time.monotonic() < over:
                counts[address] += 1
        writer.close()

    await asyncio.gather(*(ask(ATTACKER) for _ in range(4 * CONNECTIONS)), *(ask(VICTIM) for _ in range(CONNECTIONS)))
    part = counts[VICTIM] / max(1, sum(counts.values()))
    return part >= 0.4, f"victim {counts[VICTIM]} responses, attacker with four times the connections {counts[ATTACKER]} ({part:.0%})"


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


async def run(options, port, proxies, lifetime_port):
    failures = []
    passed = 0

    def report(part, name, shown, text):
        nonlocal passed
        for proxy in proxies:
            if proxy.poll() is not None:
                shown, text = False, f"the proxy ended with status {proxy.returncode}"
        if shown:
            passed += 1
        else:
            failures.append(f"{part}: {name}")
        print(f"  {'PASS' if shown else 'FAIL'}  {name:36} {text}", flush=True)

    def wanted(part, name):
        for item in options.only.split(","):
            wanted_part, _, word = item.partition(":")
            if wanted_part in ("", part) and word.lower() in name.lower():
                return True
        return False

    # A page of its own for each attack: what one leaves behind is not the next one's doing.
    parts = {"hits": [(n, lambda i=i, m=m: hits(options, port, f"/hot{i}", m)) for i, (n, m) in enumerate(ATTACKS)]
             + [(f"{n}, with --ttl", lambda i=i, m=m: hits(options, lifetime_port, f"/plain{i}", m))
                for i, (n, m) in enumerate(LIFETIME_ATTACKS)],
             "stale": [(n, lambda i=i, m=m: stale(options, port, f"/stale{i}", m))
                       for i, (n, m) in enumerate(STALE_ATTACKS)],
             "misses": [(h[0], lambda h=h: misses(options, port, *h)) for h in HOLDS],
             "files": [(f"{s} MiB, read slowly by {c}", lambda s=s, c=c: files(options, port, s, c)) for s, c in FILES],
             "shares": [("two clients, one with more connections", lambda: shares(options, port))]}
    titles = {"hits": f"Hits: {RATE} attacks a second beside a victim that asks for a stored page (at least 99 % hits)",
              "stale": f"Stale: {RATE} attacks a second that make the origin fail, and the age of what a victim gets",
              "files": "Files: a victim's download of what the attacker reads slowly",
              "misses": "Misses: a victim's wait for the origin while the attacker holds what it can",
              "shares": "Shares: who gets the origin's connections"}
    for part, attacks in parts.items():
        chosen = [(n, a) for n, a in attacks if wanted(part, n)]
        if chosen:
            print(f"\n{titles[part]}", flush=True)
        for name, attack in chosen:
            report(part, name, *await attack())
    return passed, failures


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--proxy", help="the caching-proxy to attack")
    arguments.add_argument("--short", action="store_true", help="the same attacks for a shorter time")
    arguments.add_argument("--only", default="", help="parts (hits, stale, misses, files, shares), each with a word of a name: hits:via")
    arguments.add_argument("--origin", type=int, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.origin:
        return run_origin(options.origin)
    if not options.proxy:
        arguments.error("--proxy is missing")
    options.duration = 0.4 if options.short else 1.2
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(8192, hard)) if hard >= 0 else 8192, hard))
    began = time.monotonic()
    origin_port, port, lifetime_port = free_port(), free_port(), free_port()
    origin = subprocess.Popen([sys.executable, __file__, "--origin", str(origin_port)])
    wait_for(origin_port)
    def start(port, *flags):
        return subprocess.Popen([options.proxy, "--origin", f"http://127.0.0.1:{origin_port}",
                                 "--listen", f"127.0.0.1:{port}", "--quiet", *flags])

    proxies = [start(port), start(lifetime_port, "--ttl", "10m")]
    try:
        wait_for(port)
        wait_for(lifetime_port)
        passed, failures = asyncio.run(run(options, port, proxies, lifetime_port))
    finally:
        for process in [*proxies, origin]:
            process.kill()
    print(f"\n{passed} passed, {len(failures)} failed, {time.monotonic() - began:.0f} s")
    for failure in failures:
        print(f"  failed: {failure}")
    sys.exit(1 if failures or not passed else 0)


main()
