#!/usr/bin/env bash
# Two caching proxies, two processes, on one Redis: scripts/two_process_check.py says what is checked.
source "$(dirname "$0")/lib.sh"
need_swift
need_libraries
need_packages python3 redis-server
swift build -c release --product caching-proxy 2>&1 | tail -n 1
exec python3 scripts/two_process_check.py --proxy "$(swift build -c release --show-bin-path)/caching-proxy" "$@"
