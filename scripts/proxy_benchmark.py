#!/usr/bin/env python3
"""Measures how many hits a second the caching proxy answers, beside nginx and Varnish on the same machine.

The origin is an nginx that serves two fixed files, of 1 KiB and 128 KiB, with `Cache-Control: max-age=3600`. In front of
it stand the caching proxy, an nginx with `proxy_cache` (two workers, its logs off) and a Varnish with its own defaults;
beside them an nginx that answers 1 KiB it has in its configuration, which is about what an epoll server can do at all.
`wrk -t1 -c32` asks each for the same URL, a few seconds at a time, in turn: round after round, each beginning with another
server, so that a machine that is slow for a while is slow for all. What counts is the ratio of medians.

The second table is the example server with the layer in front of a handler that answers a constant, answering hits, and
the same server without the layer (`basic-server --uncached`).

    proxy_benchmark.py --proxy .build/release/caching-proxy --server .build/release/basic-server [--rounds 5] [--seconds 4]

Everything is on free ports of 127.0.0.1 and ends with the script. CPU is what a server's processes used, user and kernel,
for each request: it says more than requests per second on a machine that is busy with something else.
"""
import argparse
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
SIZES = {"1k": 1 << 10, "128k": 128 << 10}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


class Server:
    """A server under test: its process, and what one request to it costs."""

    def __init__(self, name, port, command, directory):
        self.name = name
        self.port = port
        self.log = open(pathlib.Path(directory) / f"{re.sub('[^a-z]', '-', name)}.log", "w+")
        # A group of its own, so that workers end with it, but the session of wrk: where the kernel schedules sessions
        # against each other, all servers get the same.
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, process_group=0)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.log.seek(0)
                    sys.exit(f"error: {name} does not listen: {self.log.read()[-2000:]}")
                time.sleep(0.05)

    def cpu_seconds(self):
        """What the process and those it has started have used so far: in programs, in the kernel."""
        parents, times = {}, {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat") as file:
                        fields = file.read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                # Behind the name: state, parent, group, session, …, utime (12th), stime (13th).
                parents[int(entry)] = int(fields[1])
                times[int(entry)] = (int(fields[11]), int(fields[12]))
        user = kernel = 0
        for process, (in_program, in_kernel) in times.items():
            ancestor = process
            while ancestor not in (self.process.pid, 0, 1, None):
                ancestor = parents.get(ancestor)
            if ancestor == self.process.pid:
                user += in_program
                kernel += in_kernel
        return user / TICK, kernel / TICK

    def stop(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, how)
                self.process.wait(timeout=5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.log.close()


NGINX = """
daemon off; master_process on; worker_processes {workers}; pid {directory}/{name}.pid;
{user} error_log {directory}/{name}.error.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; types_hash_max_size 2048;
  keepalive_requests 100000000; default_type application/octet-stream;
  client_body_temp_path {directory}/{name}.1; proxy_temp_path {directory}/{name}.2; fastcgi_temp_path {directory}/{name}.3;
  uwsgi_temp_path {directory}/{name}.4; scgi_temp_path {directory}/{name}.5;
  {body}
}}
"""


def nginx(name, port, directory, body, workers):
    file = pathlib.Path(directory) / f"{name.replace(' ', '-')}.conf"
    user = "user root;" if os.getuid() == 0 else ""
    file.write_text(NGINX.format(name=file.stem, directory=directory, body=body, workers=workers, user=user))
    return Server(name, port, ["nginx", "-e", "stderr", "-p", directory, "-c", str(file)], directory)


def start_servers(directory, proxy):
    root = pathlib.Path(directory) / "files"
    root.mkdir()
    bodies = {}
    for name, size in SIZES.items():
        bodies[name] = (b"0123456789abcde\n" * (size // 16))[:size]
        (root / name).write_bytes(bodies[name])
    ports = {name: free_port() for name in ("origin", "nginx cache", "nginx constant", "varnish", "caching-proxy")}
    origin = f"127.0.0.1:{ports['origin']}"
    yield nginx(
        "origin", ports["origin"], directory,
        f'server {{ listen {origin}; root {root}; add_header Cache-Control "max-age=3600"; }}', 1), None
    yield Server(
        "caching-proxy", ports["caching-proxy"],
        [proxy, "--origin", f"http://{origin}", "--listen", f"127.0.0.1:{ports['caching-proxy']}", "--quiet"],
        directory), bodies
    yield nginx(
        "nginx cache", ports["nginx cache"], directory,
        f"""proxy_cache_path {directory}/cache keys_zone=hits:16m max_size=256m;
        upstream origin {{ server {origin}; keepalive 8; }}
        server {{
          listen 127.0.0.1:{ports['nginx cache']};
          location / {{
            proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache hits;
            add_header X-Cache $upstream_cache_status;
          }}
        }}""", 2), bodies
    yield Server(
        "varnish", ports["varnish"],
        ["varnishd", "-F", "-a", f"127.0.0.1:{ports['varnish']}", "-b", origin, "-s", "malloc,256m", "-n",
         f"{directory}/varnish"], directory), bodies
    yield nginx(
        "nginx constant", ports["nginx constant"], directory,
        f"""server {{ listen 127.0.0.1:{ports['nginx constant']};
          location / {{ return 200 "{bodies['1k'].decode()}"; }} }}""", 2), {"1k": bodies["1k"]}


def warm(server, bodies):
    """Fills the cache, and makes sure that it is one: the last answers are hits, and whole."""
    for name, body in bodies.items():
        for _ in range(4):
            response, received = get(server.port, f"/{name}")
        if response.status != 200 or received != body:
            sys.exit(f"error: {server.name} answers /{name} with {response.status} and {len(received)} octets")
        evidence = {
            "caching-proxy": "; hit" in (response.getheader("Cache-Status") or ""),
            "nginx cache": response.getheader("X-Cache") == "HIT",
            "varnish": len((response.getheader("X-Varnish") or "").split()) == 2,
        }
        if not evidence.get(server.name, True):
            sys.exit(f"error: {server.name} does not answer /{name} from its cache: {response.getheaders()}")


UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def milliseconds(text):
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]+)", text).groups()
    return float(number) * UNITS[unit]


def measure(server, path, seconds, connections):
    before = server.cpu_seconds()
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{server.port}{path}"],
        capture_output=True, text=True, check=True).stdout
    after = server.cpu_seconds()
    if re.search(r"Socket errors: connect [1-9]|Non-2xx", output):
        sys.exit(f"error: wrk had errors with {server.name}:\n{output}")
    count = int(re.search(r"(\d+) requests in", output)[1])
    return {
        "rate": float(re.search(r"Requests/sec:\s+([0-9.]+)", output)[1]),
        "p50": milliseconds(re.search(r"^\s+50%\s+(\S+)", output, re.MULTILINE)[1]),
        "p99": milliseconds(re.search(r"^\s+99%\s+(\S+)", output, re.MULTILINE)[1]),
        "user": (after[0] - before[0]) / count * 1e6,
        "kernel": (after[1] - before[1]) / count * 1e6,
    }


def run_rounds(contestants, options):
    """contestants: (name, server, path). Interleaved; each round begins with another."""
    samples = {name: [] for name, _, _ in contestants}
    for number in range(options.rounds):
        shift = number % len(contestants)
        for name, server, path in contestants[shift:] + contestants[:shift]:
            samples[name].append(measure(server, path, options.seconds, options.connections))
    return {name: {key: statistics.median(each[key] for each in all) for key in all[0]} | {
        "low": min(each["rate"] for each in all), "high": max(each["rate"] for each in all)}
        for name, all in samples.items()}


def table(title, results):
    print(f"\n{title}")
    print(f"  {'':24}{'requests/s':>12}{'(lowest, highest)':>22}{'p50':>10}{'p99':>10}{'CPU/request':>18}")
    for name, result in results.items():
        span = f"({result['low']:,.0f}, {result['high']:,.0f})"
        print(f"  {name:24}{result['rate']:>12,.0f}{span:>22}{result['p50']:>7.2f} ms{result['p99']:>7.2f} ms"
              f"{result['user']:>7.1f} +{result['kernel']:>5.1f} µs")


def judge(what, value, wanted, failures):
    passed = value >= wanted
    print(f"  {'ok   ' if passed else 'BELOW'} {what}: {value:.2f}, wanted ≥ {wanted:.2f}")
    if not passed:
        failures.append(what)


def compare(size, results, factor, failures):
    ours = results["caching-proxy"]
    better = max((results["nginx cache"], results["varnish"]), key=lambda each: each["rate"])
    judge(f"{size}: the proxy against the better of nginx and Varnish", ours["rate"] / better["rate"], factor, failures)
    best = min(results["nginx cache"]["p99"], results["varnish"]["p99"])
    judge(f"{size}: the better 99th percentile of theirs against the proxy's", best / ours["p99"], 1, failures)
    if "nginx constant" in results:
        share = ours["rate"] / results["nginx constant"]["rate"]
        print(f"        {size}: the proxy against nginx answering a constant: {share:.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--proxy", required=True, help="the caching-proxy program")
    parser.add_argument("--server", required=True, help="the basic-server program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="how long each server is asked in each round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", choices=["1k", "128k", "layer"])
    options = parser.parse_args()
    for program in ("nginx", "varnishd", "wrk"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            sys.exit(f"error: {program} is missing; scripts/proxy_benchmark.sh installs it")
    os.environ["PATH"] += ":/usr/sbin:/sbin"

    running, failures = [], []
    with tempfile.TemporaryDirectory(prefix="proxy-benchmark.") as directory:
        # Varnish reads it as another user.
        os.chmod(directory, 0o755)
        try:
            if options.only != "layer":
                servers = []
                for server, bodies in start_servers(directory, options.proxy):
                    running.append(server)
                    if bodies:
                        warm(server, bodies)
                        servers.append((server, bodies))
                for size, factor in (("1k", 1.3), ("128k", 1.0)):
                    if options.only in (None, size):
                        contestants = [(s.name, s, f"/{size}") for s, bodies in servers if size in bodies]
                        results = run_rounds(contestants, options)
                        table(f"Hits of {size[:-1]} KiB, wrk -t1 -c{options.connections}, medians of {options.rounds} "
                              f"rounds of {options.seconds} s", results)
                        compare(size, results, factor, failures)
            if options.only in (None, "layer"):
                pair = []
                for name, flags in (("with the layer (hits)", []), ("without it (constant)", ["--uncached"])):
                    port = free_port()
                    server = Server(
                        name, port, [options.server, "--listen", f"127.0.0.1:{port}", *flags], directory)
                    running.append(server)
                    get(port, "/")
                    status = get(port, "/")[0].getheader("Cache-Status") or ""
                    if ("; hit" in status) != (not flags):
                        sys.exit(f"error: {name}: Cache-Status is {status!r}")
                    pair.append((name, server, "/"))
                results = run_rounds(pair, options)
                table(f"basic-server, medians of {options.rounds} rounds of {options.seconds} s", results)
                (with_layer, without) = results.values()
                judge("the layer's hits against the same server without it", with_layer["rate"] / without["rate"],
                      0.95, failures)
        finally:
            for server in reversed(running):
                server.stop()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
