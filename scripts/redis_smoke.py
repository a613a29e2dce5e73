#!/usr/bin/env python3
"""The example program redis-server in front of a real Redis, which is emptied, killed and started again meanwhile.

Starts both on free ports of 127.0.0.1, asks, and prints one line for each thing checked: what was to be seen and what was.
Exit status 0 when all of it was, 1 when something was not, 2 when the check could not be made.

    swift build --product redis-server && scripts/redis_smoke.py
"""

import argparse
import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = 0.3  # how long the handler takes to make a response, in seconds
LIFETIME = 2.0  # how long a response is fresh, in seconds


class Broken(Exception):
    """The check cannot be made: something does not start."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, condition, limit=10.0):
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise Broken(f"{what}: not within {limit:.0f} s")
        time.sleep(0.02)


def listens(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Process:
    """A program that is started, and ended whatever happens."""

    def __init__(self, name, arguments, port, directory):
        self.name = name
        self.output = os.path.join(directory, f"{name.replace(' ', '-')}-{port}.log")
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(arguments, stdout=output, stderr=output, cwd=directory)
        wait_until(f"{name} on port {port}", lambda: self.is_up(port))

    def is_up(self, port):
        if self.process.poll() is not None:
            raise Broken(f"{self.name} ended with status {self.process.returncode}: {self.text()[-500:]}")
        return listens(port)

    def text(self):
        with open(self.output, encoding="utf-8", errors="replace") as output:
            return output.read()

    def end(self, how=signal.SIGTERM):
        """Ends it; returns its exit status, or None when it had to be killed."""
        if self.process.poll() is not None:
            return self.process.returncode
        self.process.send_signal(how)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


class Redis:
    """A real Redis that keeps nothing on disk, so that it is empty when it starts again."""

    def __init__(self, program, directory):
        self.program, self.directory, self.port = program, directory, free_port()
        self.process = None

    def start(self):
        self.process = Process(
            "Redis",
            [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            self.port, self.directory)
        wait_until("PONG of Redis", lambda: self.ask("PING") == "+PONG")

    def kill(self):
        self.process.end(signal.SIGKILL)

    def end(self):
        if self.process:
            self.process.end()

    def ask(self, *words):
        """The first line of the reply to an inline command."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.makefile("rb").readline().decode().strip()


class Answer:
    """What a request got, and how long it took."""

    def __init__(self, port, method, path):
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            self.status = response.status
            self.cache_status = response.getheader("Cache-Status", "-")
            self.body = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.status, self.cache_status, self.body = 0, "-", f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        self.seconds = time.monotonic() - start

    @property
    def is_hit(self):
        return self.status == 200 and re.search(r";\s*hit\b", self.cache_status) is not None and self.seconds < WORK

    @property
    def is_made(self):
        """Made by the handler for this request."""
        return self.status == 200 and "fwd=" in self.cache_status and self.seconds >= WORK

    def __str__(self):
        return f"{self.status}  {self.seconds * 1000:4.0f} ms  {self.cache_status.removeprefix('swift-http-cache; ')}"


class Table:
    """What is checked, one line each, printed as it is known."""

    def __init__(self):
        self.passed = self.failed = 0

    def section(self, title):
        print(f"\n{title}", flush=True)

    def check(self, name, is_right, seen):
        if is_right:
            self.passed += 1
        else:
            self.failed += 1
        print(f"  {'ok  ' if is_right else 'FAIL'}  {name:<62}  {seen}", flush=True)


def run(table, program, redis_program, directory, cleanup):
    redis = Redis(redis_program, directory)
    cleanup.callback(redis.end)
    redis.start()

    def start(name, redis_port=redis.port):
        port = free_port()
        node = Process(
            name,
            [program, "--listen", f"127.0.0.1:{port}", "--redis", f"redis://127.0.0.1:{redis_port}",
             "--work", f"{round(WORK * 1000)}ms", "--ttl", f"{round(LIFETIME * 1000)}ms"],
            port, directory)
        cleanup.callback(node.end)
        node.port = port
        # Until the connection is there everything is a miss, and is not stored.
        wait_until("a hit", lambda: Answer(port, "GET", f"/reports/ready-{port}").is_hit)
        return node

    first = start("first node")
    second = start("second node")

    def get(path, node=first):
        return Answer(node.port, "GET", path)

    def hit(name, path, node=first):
        answer = get(path, node)
        table.check(name, answer.is_hit, answer)
        return answer

    def shared(name, path, node):
        # Who has made a response has the answer before Redis has the response.
        try:
            wait_until(name, lambda: get(path, node).is_hit)
            table.check(name, True, "")
        except Broken as error:
            table.check(name, False, str(error))

    def made(name, path, node=first):
        answer = get(path, node)
        table.check(name, answer.is_made, answer)
        return answer

    table.section("A miss, then hits")
    answer = made("the first request is a miss, and stored", "/reports/1")
    table.check("it says that it was stored", "stored" in answer.cache_status, answer.cache_status)
    again = hit("the second one is a hit", "/reports/1")
    table.check("with the same body", again.body == answer.body, again.body.strip())
    other = hit("another program on the same Redis has it too", "/reports/1", second)
    table.check("with the same body", other.body == answer.body, other.body.strip())
    entries = redis.ask("DBSIZE")
    table.check("the entries are in Redis", entries.startswith(":") and int(entries[1:]) >= 1, f"DBSIZE {entries}")

    table.section(f"Expiry, after {LIFETIME:.0f} s")
    time.sleep(LIFETIME + 0.2)
    later = made("the response is made again", "/reports/1")
    table.check("it is another one", later.body != answer.body, later.body.strip())
    shared("and a hit from then on", "/reports/1", second)

    table.section("Invalidation, by a change in one program, and by a tag")
    for method, path in [("POST", "/reports/2"), ("DELETE", "/tags/report:2")]:
        for kind in ["reports", "summaries"]:
            get(f"/{kind}/2")
            shared(f"before it /{kind}/2 is a hit in the other program", f"/{kind}/2", second)
        change = Answer(first.port, method, path)
        table.check(f"{method} {path} succeeds", change.status == 204, change)
        for kind in ["reports", "summaries"]:
            made(f"/{kind}/2 is made again in the other program", f"/{kind}/2", second)
    get("/reports/3")
    Answer(first.port, "DELETE", "/tags/report:2")
    hit("what has another tag stays", "/reports/3")

    table.section("The program is started again")
    get("/reports/4")
    status = first.end()
    table.check("SIGTERM ends it with exit status 0", status == 0, f"exit status {status}")
    restarted = start("first node again")
    # Starting may have taken longer than the response is fresh: then the other program puts a new one there.
    get("/reports/4", second)
    shared("its successor finds what is in Redis", "/reports/4", restarted)

    table.section("Redis is started again, and empty")
    get("/reports/5", restarted)
    hit("before it a hit", "/reports/5", restarted)
    redis.kill()
    redis.start()
    table.check("Redis is empty", redis.ask("DBSIZE") == ":0", f"DBSIZE {redis.ask('DBSIZE')}")
    made("what was stored is gone", "/reports/5", restarted)
    begun = time.monotonic()
    wait_until("a hit after the restart of Redis", lambda: get("/reports/5", restarted).is_hit)
    table.check("hits come back by themselves", True, f"after {time.monotonic() - begun:.1f} s")
    wait_until("a hit in the second node", lambda: get("/reports/5", second).is_hit)
    Answer(second.port, "POST", "/reports/5")
    made("and so do invalidations across programs", "/reports/5", restarted)

    table.section("Redis is down")
    redis.kill()
    answers = [get(f"/reports/{number}", restarted) for number in [5, 5, 6, 7, 8]]
    table.check("the handler answers every request", all(a.is_made for a in answers),
                f"{sum(a.status == 200 for a in answers)} of {len(answers)} are 200, none a hit")
    table.check("and says why nothing is stored", "detail=backend" in answers[-1].cache_status, answers[-1].cache_status)
    slowest = max(answer.seconds for answer in answers)
    table.check("no slower for Redis by more than its timeout", slowest < WORK + 0.5, f"slowest {slowest * 1000:.0f} ms")
    change = Answer(restarted.port, "POST", "/reports/5")
    table.check("a change succeeds, too", change.status == 204, change)
    redis.start()
    wait_until("a hit after Redis is back", lambda: get("/reports/9", restarted).is_hit)
    hit("when it is back there are hits again", "/reports/9", restarted)

    table.section("The end")
    for node in [second, restarted]:
        status = node.end()
        table.check(f"{node.name}: SIGTERM ends it with exit status 0", status == 0, node.text().strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(ROOT, ".build/debug/redis-server"), help="the example program")
    # By its path: the example has the same name, and may be on PATH as well.
    parser.add_argument("--redis", default=shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin"),
                        help="the real Redis")
    arguments = parser.parse_args()
    if not os.access(arguments.program, os.X_OK):
        print(f"error: there is no {arguments.program}: swift build --product redis-server", file=sys.stderr)
        return 2
    if not arguments.redis:
        print("error: there is no redis-server: apt-get install redis-server", file=sys.stderr)
        return 2
    table = Table()
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as cleanup:
        try:
            run(table, os.path.abspath(arguments.program), arguments.redis, directory, cleanup)
        except Broken as error:
            table.check("the check goes on", False, error)
    print(f"\nredis_smoke: {table.passed} passed, {table.failed} failed")
    return 0 if table.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
