#!/usr/bin/env bash
# The caching proxy in front of a real nginx with a real document tree: scripts/crawl_check.py says what is checked.
source "$(dirname "$0")/lib.sh"
need_swift
need_libraries
need_packages python3 nginx-light apache2-doc
swift build -c release --product caching-proxy 2>&1 | tail -n 1
exec python3 scripts/crawl_check.py --proxy "$(swift build -c release --show-bin-path)/caching-proxy" "$@"
