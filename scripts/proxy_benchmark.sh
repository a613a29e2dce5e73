#!/usr/bin/env bash
# Hits per second of the caching proxy beside nginx and Varnish, and of the layer on the example server beside the same
# server without it: scripts/proxy_benchmark.py says how it is measured.
source "$(dirname "$0")/lib.sh"
need_swift
need_libraries
need_packages python3 nginx-light varnish wrk
for program in caching-proxy basic-server; do
  say "Building $program"
  swift build -c release --product "$program" 2>&1 | tail -n 1
done
programs=$(swift build -c release --show-bin-path)
exec python3 scripts/proxy_benchmark.py --proxy "$programs/caching-proxy" --server "$programs/basic-server" "$@"
