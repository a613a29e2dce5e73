#!/usr/bin/env bash
# The caching proxy under a thousand clients, and under an origin that dies: scripts/stampede_check.py says what is checked.
source "$(dirname "$0")/lib.sh"
need_swift
need_libraries
need_packages python3
swift build -c release --product caching-proxy 2>&1 | tail -n 1
exec python3 scripts/stampede_check.py --proxy "$(swift build -c release --show-bin-path)/caching-proxy" "$@"
