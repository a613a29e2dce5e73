#!/usr/bin/env python3
"""Puts two caching proxies, two processes, on one Redis, each with a memory of its own in front of it.

Shows: 200 clients on each that ask for one cold URL make one call to the origin in total, also when the proxy that makes it
dies; and what is invalidated through one is not served by the other a tenth of a second later, of which the distribution is
printed. The exit status is 1 if anything failed. The origin is this script, too. Everything is on free ports of 127.0.0.1.

    two_process_check.py --proxy .build/release/caching-proxy
"""
import argparse
import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CLIENTS = 200
HOST = "shop.example"


class Origin(asyncio.Protocol):
    """GET says which version a path is of; POST makes it the next one. /cold… takes its time."""

    calls = {}
    versions = {}

    def connection_made(self, transport):
        self.transport = transport
        self.input = b""

    def data_received(self, data):
        self.input += data
        if b"\r\n\r\n" in self.input:
            head, _, self.input = self.input.partition(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            asyncio.ensure_future(self.answer(method, target))

    async def answer(self, method, target):
        if method == "POST":
            Origin.versions[target] = Origin.versions.get(target, 1) + 1
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        number = Origin.calls[target] = Origin.calls.get(target, 0) + 1
        version = Origin.versions.get(target, 1)
        if target.startswith("/cold"):
            await asyncio.sleep(0.3)
        body = f"{target} version {version} call {number}\n".encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Type: text/plain\r\n"
            + f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}\r\n".encode()
            + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


class Broken(Exception):
    pass


class Client:
    """One connection to a proxy."""

    def __init__(self, port):
        self.port = port

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self.writer.close()

    async def ask(self, target, method="GET"):
        """The status, whether it was answered without the origin, and the body."""
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        self.writer.write(f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        size = re.search(r"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE)
        body = await self.reader.readexactly(int(size[1])) if size else b""
        return int(head.split(" ")[1]), re.search(r"^cache-status:.*; *hit", head, re.I | re.M) is not None, body.decode()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def wait_for(port, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.02)
    raise Broken(f"nobody listens at port {port}")


class Table:
    def __init__(self):
        self.failed = 0

    def check(self, name, is_right, figures):
        self.failed += not is_right
        print(f"{'PASS' if is_right else 'FAIL'}  {name:<70}  {figures}", flush=True)


class Setting:
    def __init__(self, arguments, cleanup):
        self.arguments, self.cleanup = arguments, cleanup
        self.directory = cleanup.enter_context(tempfile.TemporaryDirectory())
        self.origin_port = free_port()

    def spawn(self, name, command):
        log = open(os.path.join(self.directory, name), "w")
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self.cleanup.callback(process.wait)
        self.cleanup.callback(process.kill)
        return process

    async def start(self):
        server = await asyncio.get_running_loop().create_server(Origin, "127.0.0.1", self.origin_port, backlog=2048)
        self.cleanup.callback(server.close)
        self.redis_port = free_port()
        self.spawn("redis", [self.arguments.redis, "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "",
                             "--appendonly", "no", "--dir", self.directory])
        await wait_for(self.redis_port)

    async def proxy(self, name, backend="memory,redis", lease="5s"):
        """A proxy that has found its Redis."""
        port = free_port()
        url = f"redis://127.0.0.1:{self.redis_port}"
        process = self.spawn(name, [
            self.arguments.proxy, "--listen", f"127.0.0.1:{port}", "--origin", f"http://127.0.0.1:{self.origin_port}",
            "--backend", backend.replace("redis", url), "--namespace", "two-processes", "--origin-lease", lease,
            # Nothing but what the other one says makes it doubt its copies.
            "--near-ttl", "3600s"])
        process.port = port
        await wait_for(port)
        async with Client(port) as client:
            for _ in range(500):
                if (await client.ask(f"/ready/{name}"))[1]:
                    return process
                await asyncio.sleep(0.01)
        raise Broken(f"{name} does not store anything")


async def cold(table, setting, first, second):
    wrong, calls, failures = 0, [], 0
    for number in range(10):
        target = f"/cold/{number}"

        async def one(port):
            async with Client(port) as client:
                return await client.ask(target)

        answers = await asyncio.gather(
            *[one(process.port) for process in (first, second) for _ in range(CLIENTS)], return_exceptions=True)
        failures += sum(isinstance(answer, Exception) or answer[0] != 200 for answer in answers)
        wrong += len({answer[2] for answer in answers if not isinstance(answer, Exception)}) != 1
        calls.append(Origin.calls.get(target, 0))
    table.check(f"{CLIENTS} clients on each of two processes, one cold URL: one call", set(calls) == {1} and not failures,
                f"calls to the origin in 10 rounds: {calls}; {failures} of {10 * 2 * CLIENTS} requests failed")
    table.check("all of them got the same body", wrong == 0, f"{wrong} rounds with different ones")


async def invalidation(table, first, second, rounds):
    """For every round the moments, after the invalidation was acknowledged, at which the other process was asked and still
    answered with what had been invalidated."""
    last_old, first_new, returned = [], [], 0
    async with Client(first.port) as writer, Client(second.port) as reader:
        for number in range(rounds):
            target = f"/page/{number}"
            await writer.ask(target)
            for _ in range(500):
                _, is_hit, body = await reader.ask(target)
                if is_hit:
                    break
                await asyncio.sleep(0.002)
            else:
                raise Broken(f"the second process has no copy of {target}")
            status, _, _ = await writer.ask(target, "POST")
            if status != 204:
                raise Broken(f"POST {target} was answered with {status}")
            acknowledged = time.monotonic()
            latest = -1.0
            while True:
                asked = time.monotonic()
                _, _, body = await reader.ask(target)
                if "version 1 " not in body:
                    break
                latest = asked - acknowledged
                if latest > 10:
                    raise Broken(f"{target} is served 10 s after it was invalidated")
            last_old.append(max(0.0, latest))
            first_new.append(asked - acknowledged)
            for _ in range(5):
                returned += "version 1 " in (await reader.ask(target))[2]
    last_old.sort()
    first_new.sort()

    def text(values):
        at = lambda share: f"{values[min(len(values) - 1, int(len(values) * share))] * 1000:.2f}"
        return f"p50 {at(.5)}, p90 {at(.9)}, p99 {at(.99)}, longest {values[-1] * 1000:.2f} ms"

    # A machine that does other things may stop any of the processes for as long: hence not the longest.
    table.check("what one has invalidated the other does not serve 100 ms later",
                last_old[int((len(last_old) - 1) * 0.99)] <= 0.1,
                f"{rounds} invalidations; old served until: {text(last_old)}")
    table.check("and what is new stays", returned == 0,
                f"first new answer: {text(first_new)}; {sum(value == 0 for value in last_old)} times never an old one")


async def deaths(table, setting, second):
    """The process that has the lease and asks the origin is killed."""
    doomed = await setting.proxy("doomed", lease="1s")
    target = "/cold/orphan"

    async def one(port):
        async with Client(port) as client:
            return await client.ask(target)

    victims = [asyncio.ensure_future(one(doomed.port)) for _ in range(20)]
    while Origin.calls.get(target, 0) == 0:
        await asyncio.sleep(0.002)
    begun = time.monotonic()
    survivors = [asyncio.ensure_future(one(second.port)) for _ in range(CLIENTS)]
    await asyncio.sleep(0.05)
    doomed.send_signal(signal.SIGKILL)
    answers = await asyncio.gather(*survivors, return_exceptions=True)
    await asyncio.gather(*victims, return_exceptions=True)
    failures = sum(isinstance(answer, Exception) or answer[0] != 200 for answer in answers)
    seconds = time.monotonic() - begun
    table.check("the process that asks is killed: the other's clients are answered", failures == 0 and seconds < 5,
                f"{CLIENTS} clients, {failures} failed, {Origin.calls[target]} calls, after {seconds:.1f} s (lease of 1 s)")


async def run(arguments, table):
    with contextlib.ExitStack() as cleanup:
        setting = Setting(arguments, cleanup)
        await setting.start()
        first, second = await setting.proxy("first"), await setting.proxy("second")
        await cold(table, setting, first, second)
        await invalidation(table, first, second, arguments.rounds)
        await deaths(table, setting, second)
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
            status = await asyncio.to_thread(process.wait, 15)
            table.check("SIGTERM ends a proxy with exit status 0", status == 0, f"exit status {status}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", default=".build/debug/caching-proxy", help="the caching proxy")
    # By its path: an example has the same name.
    parser.add_argument("--redis", default=shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin"),
                        help="the real Redis")
    parser.add_argument("--rounds", type=int, default=500, help="how many invalidations")
    arguments = parser.parse_args()
    if not os.access(arguments.proxy, os.X_OK) or not arguments.redis:
        print("error: a caching-proxy and a redis-server are needed; see --help", file=sys.stderr)
        return 2
    table = Table()
    try:
        asyncio.run(run(arguments, table))
    except Broken as error:
        table.check("the check goes on", False, error)
    print(f"\ntwo_process_check: {table.failed} failed")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
