#!/usr/bin/env python3
"""Crawls a real document tree on a real nginx, directly and twice through the caching proxy.

Shows that the proxy gives byte-identical bodies and the same end-to-end fields as the origin, and that the second crawl
does not reach the origin. Installs nothing; scripts/crawl_check.sh does.

    crawl_check.py --nginx /usr/sbin/nginx --root /usr/share/doc --proxy .build/release/caching-proxy
"""
import argparse
import concurrent.futures
import hashlib
import http.client
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

# RFC 9110 §7.6.1, and what a proxy adds of its own.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
ADDED = {"via", "age", "cache-status"}
# Differs from one direct request to the next, too.
VOLATILE = {"date"}


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


def urls(root, limit):
    found = []
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
                found.append("/" + urllib.parse.quote(str(path.relative_to(root))))
    return found[:limit]


local = threading.local()


def fetch(port, path):
    """One GET over a connection that is kept: (status, end-to-end fields, digest of the body, length, fields as they came)."""
    connections = getattr(local, "connections", None)
    if connections is None:
        connections = local.connections = {}
    for attempt in (1, 2):
        connection = connections.setdefault(port, http.client.HTTPConnection("127.0.0.1", port, timeout=30))
        try:
            connection.request("GET", path, headers={"Host": "docs.example"})
            response = connection.getresponse()
            body = response.read()
            break
        except (http.client.HTTPException, OSError):
            connection.close()
            del connections[port]
            if attempt == 2:
                raise
    fields = sorted((n.lower(), v) for n, v in response.getheaders())
    end_to_end = [(n, v) for n, v in fields if n not in HOP_BY_HOP | ADDED | VOLATILE]
    return response.status, end_to_end, hashlib.sha256(body).hexdigest(), len(body), dict(fields)


def crawl(name, port, paths):
    began = time.time()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = dict(zip(paths, pool.map(lambda p: fetch(port, p), paths)))
    size = sum(r[3] for r in results.values())
    print(f"  {name:<28} {len(paths):>6} URLs  {size / 1e6:8.1f} MB  {time.time() - began:6.1f} s", flush=True)
    return results


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--nginx", default="/usr/sbin/nginx")
    arguments.add_argument("--root", default="/usr/share/doc")
    arguments.add_argument("--proxy", required=True)
    arguments.add_argument("--limit", type=int, default=5000)
    arguments.add_argument("--least", type=int, default=2000, help="the fewest URLs that make the check worth it")
    options = arguments.parse_args()

    paths = urls(options.root, options.limit)
    if len(paths) < options.least:
        sys.exit(f"{options.root} has only {len(paths)} files: install more documentation")
    with tempfile.TemporaryDirectory() as folder:
        # nginx's workers run as somebody else, and must get through to what they serve and log.
        os.chmod(folder, 0o755)
        origin_port, proxy_port = free_port(), free_port()
        log = pathlib.Path(folder, "access.log")
        config = pathlib.Path(folder, "nginx.conf")
        config.write_text(f"""
            worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/error.log;
            events {{ worker_connections 1024; }}
            http {{
              include /etc/nginx/mime.types; default_type application/octet-stream;
              access_log {log}; keepalive_requests 100000;
              client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
              uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
              server {{ listen 127.0.0.1:{origin_port}; root {options.root}; }}
            }}""")
        nginx = subprocess.Popen([options.nginx, "-c", str(config), "-e", f"{folder}/error.log"])
        proxy = subprocess.Popen(
            [options.proxy, "--origin", f"http://127.0.0.1:{origin_port}", "--listen", f"127.0.0.1:{proxy_port}",
             "--capacity", "1GiB", "--maximum-body", "64MiB", "--quiet"])
        try:
            wait_for(origin_port)
            wait_for(proxy_port)
            print(f"crawling {options.root} on nginx")
            direct = crawl("the origin itself", origin_port, paths)
            first = crawl("through the proxy, cold", proxy_port, paths)
            time.sleep(0.3)
            before = len(log.read_text().splitlines())
            second = crawl("through the proxy, again", proxy_port, paths)
            time.sleep(0.3)
            reached = len(log.read_text().splitlines()) - before
        finally:
            proxy.terminate()
            nginx.terminate()
            code = proxy.wait(20)
            nginx.wait(20)

    different = [
        (path, crawl_name) for crawl_name, results in (("cold", first), ("again", second)) for path in paths
        if results[path][:3] != direct[path][:3] or "date" not in results[path][4]]
    not_hits = [path for path in paths if "; hit" not in second[path][4].get("cache-status", "")]
    for path, crawl_name in different[:5]:
        results = first if crawl_name == "cold" else second
        print(f"  DIFFERENT ({crawl_name}): {path}\n    origin {direct[path][:3]}\n    proxy  {results[path][:3]}")
    for path in not_hits[:5]:
        print(f"  NOT A HIT: {path}: {second[path][4].get('cache-status')}\n    {direct[path][1]}")
    print(f"  responses that differ from the origin's: {len(different)}")
    print(f"  requests of the second crawl that reached the origin: {reached}")
    print(f"  the proxy's exit status after SIGTERM: {code}")
    sys.exit(1 if different or not_hits or reached or code else 0)


main()
