#!/usr/bin/env python3
"""Reads the metrics of a caching proxy with what others have written for that.

Shows: `promtool check metrics` has nothing to say about the text format 0.0.4; PyPI's prometheus-client reads both formats, and
finds the same in both; a client gets the format that it prefers; and a Prometheus that scrapes the proxy under load for --seconds
has counters that grow by what the load program has counted: requests and bytes, by outcome. What is not installed is left out,
with a message. The exit status is 1 if anything failed. Everything is on free ports of 127.0.0.1.

    metrics_check.py --proxy .build/release/caching-proxy --seconds 60
"""
import argparse
import collections
import contextlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
failures = 0


def check(name, is_true, why=""):
    global failures
    failures += not is_true
    print(("ok    " if is_true else "FAIL  ") + name + ("" if is_true or not why else f"\n      {why}"), flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on {port}")


def get(port, accept=None, method="GET", path="/metrics"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Accept": accept} if accept else {})
    response = connection.getresponse()
    return response, response.read().decode()


class Load(threading.Thread):
    """One client with a connection of its own, that counts what it gets by what Cache-Status says."""

    TARGETS = [("GET", "/")] * 6 + [
        ("HEAD", "/"), ("GET", "/private"), ("GET", "/missing"), ("POST", "/"), ("GET", "/big"), ("RANGE", "/"),
        ("CONDITION", "/"), ("FRESH", "/?{}"),
    ]

    def __init__(self, port, seed, end):
        super().__init__()
        self.port, self.random, self.end = port, random.Random(seed), end
        self.requests, self.bytes = collections.Counter(), collections.Counter()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while time.monotonic() < self.end:
            kind, target = self.random.choice(self.TARGETS)
            headers = {"RANGE": {"Range": "bytes=0-4"}, "CONDITION": {"If-None-Match": '"demo-1"'}}.get(kind, {})
            method = kind if kind in ("HEAD", "POST") else "GET"
            connection.request(method, target.format(self.random.randrange(10**9)), headers=headers)
            response = connection.getresponse()
            count = len(response.read())
            outcome = self.outcome(response.headers["Cache-Status"])
            self.requests[outcome] += 1
            self.bytes[outcome] += count
        connection.close()

    @staticmethod
    def outcome(status):
        """As far as the field tells outcomes apart (RFC 9211): a collapsed request is a miss that says so."""
        if "; hit" in status:
            return "stored"
        if "collapsed" in status:
            return "collapsed"
        if "fwd=method" in status or "fwd=bypass" in status:
            return "bypass"
        return "miss"


# What the outcomes of the metrics are in the terms of the load.
OUTCOMES = {"hit": "stored", "stale": "stored", "revalidated": "miss", "miss": "miss", "collapsed": "collapsed", "bypass": "bypass"}


@contextlib.contextmanager
def running(proxy, backend):
    port, metrics_port = free_port(), free_port()
    process = subprocess.Popen(
        [proxy, "--demo", "--quiet", "--backend", backend, "--listen", f"127.0.0.1:{port}", "--metrics",
         f"127.0.0.1:{metrics_port}"], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, process)
        wait_for_port(metrics_port, process)
        yield port, metrics_port
    finally:
        process.terminate()
        process.wait()


def check_negotiation(port):
    text, _ = get(port)
    check("the default is the text format 0.0.4", text.status == 200 and text.headers["Content-Type"] == TEXT)
    check("nobody is to keep it", text.headers["Cache-Control"] == "no-store")
    metrics, open_body = get(port, OPEN)
    check("OpenMetrics is there for who asks for it", metrics.headers["Content-Type"] == OPEN)
    check("OpenMetrics ends with # EOF", open_body.endswith("\n# EOF\n"))
    prometheus, _ = get(
        port, "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1")
    check("Prometheus gets OpenMetrics", prometheus.headers["Content-Type"] == OPEN)
    head, body = get(port, method="HEAD")
    check("HEAD is GET without content", head.status == 200 and head.headers["Content-Type"] == TEXT and not body)
    post, _ = get(port, method="POST")
    check("POST is not allowed", post.status == 405 and post.headers["Allow"] == "GET, HEAD")


def check_parsers(port):
    _, text_body = get(port)
    _, open_body = get(port, OPEN)
    if shutil.which("promtool"):
        result = subprocess.run(["promtool", "check", "metrics"], input=text_body, capture_output=True, text=True)
        said = result.stdout + result.stderr
        check("promtool check metrics", result.returncode == 0 and not said.strip(), said[:1000])
    else:
        print("skip  promtool check metrics: there is no promtool")

    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
        from prometheus_client.parser import text_string_to_metric_families as read_text
    except ImportError:
        print("skip  prometheus-client: it is not installed")
        return

    def series(families):
        return {(s.name, tuple(sorted(s.labels.items()))) for f in families for s in f.samples}

    in_text, in_open = series(read_text(text_body)), series(read_open(open_body))
    check("prometheus-client reads both formats, and finds the same series", in_text == in_open and len(in_text) > 300,
          f"{len(in_text)} and {len(in_open)} series, only in one: {sorted(in_text ^ in_open)[:5]}")
    units = {f.name: f.unit for f in read_open(open_body) if f.unit}
    check("times and sizes have units", set(units.values()) == {"seconds", "bytes"}, str(units))
    print(f"      {len(in_text)} series, {len(text_body)} bytes")


class Prometheus:
    def __init__(self, target, folder):
        self.port = free_port()
        configuration = os.path.join(folder, "prometheus.yml")
        with open(configuration, "w") as file:
            file.write(
                "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: cache\n  static_configs:\n"
                f"  - targets: ['127.0.0.1:{target}']\n")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"])
        wait_for_port(self.port, self.process)

    def query(self, expression):
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]["result"]

    def wait_for_scrape(self):
        """Returns when a scrape that has begun after this moment is there."""
        now = time.time()
        while True:
            result = self.query("timestamp(up == 1)")
            # Two intervals: the first scrape after this moment may have begun before it.
            if result and float(result[0]["value"][1]) > now + 1:
                return
            time.sleep(0.1)

    def counters(self, name):
        sums = collections.Counter()
        for result in self.query(f"sum by (outcome) ({name})"):
            sums[OUTCOMES.get(result["metric"]["outcome"], "failed")] += int(float(result["value"][1]))
        return sums


def check_scraping(port, metrics_port, seconds, folder):
    prometheus = Prometheus(metrics_port, folder)
    try:
        prometheus.wait_for_scrape()
        names = ["http_cache_requests_total", "http_cache_served_bytes_total"]
        before = [prometheus.counters(name) for name in names]
        clients = [Load(port, seed, time.monotonic() + seconds) for seed in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        prometheus.wait_for_scrape()
        after = [prometheus.counters(name) for name in names]
        requests = sum((client.requests for client in clients), collections.Counter())
        sizes = sum((client.bytes for client in clients), collections.Counter())
        for name, old, new, counted in zip(names, before, after, [requests, sizes]):
            grown = new - old
            check(f"{name} has grown by what the clients have counted", grown == +counted, f"{dict(grown)}, not {dict(counted)}")
            print(f"      {dict(counted)}")
        check("all kinds of outcomes came by", {"stored", "miss", "bypass"} <= set(requests), str(requests))
        check("every scrape succeeded", not prometheus.query("up == 0") and float(
            prometheus.query(f"min_over_time(up[{int(seconds) + 5}s])")[0]["value"][1]) == 1)
        timed = float(prometheus.query('sum(http_cache_request_duration_seconds_count{outcome="miss"})')[0]["value"][1])
        check("every miss was timed", timed == after[0]["miss"] - float(
            prometheus.query('sum(http_cache_requests_total{outcome="revalidated"})')[0]["value"][1]), str(timed))
    finally:
        prometheus.process.terminate()
        prometheus.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--seconds", type=float, default=60, help="how long the load lasts; 0 for no load (default 60)")
    options = parser.parse_args()
    # Stores that are down have all their series, too.
    for backend in ["memory,redis://127.0.0.1:1", "memory,memcached://127.0.0.1:1"]:
        with running(options.proxy, backend) as (port, metrics_port):
            print(f"with {backend}")
            check_parsers(metrics_port)
    with running(options.proxy, "memory") as (port, metrics_port), tempfile.TemporaryDirectory() as folder:
        print("with memory")
        for _ in range(3):
            get(port, path="/")
        check_negotiation(metrics_port)
        check_parsers(metrics_port)
        if options.seconds and shutil.which("prometheus"):
            check_scraping(port, metrics_port, options.seconds, folder)
        elif options.seconds:
            print("skip  Prometheus under load: there is no prometheus")
    sys.exit(1 if failures else 0)


main()
