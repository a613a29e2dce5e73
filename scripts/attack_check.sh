#!/usr/bin/env bash
# What one hostile client can do to the others of the caching proxy: scripts/attack_check.py says what is checked.
source "$(dirname "$0")/lib.sh"
need_swift
need_libraries
need_packages python3
swift build -c release --product caching-proxy 2>&1 | tail -n 1
exec python3 scripts/attack_check.py --proxy "$(swift build -c release --show-bin-path)/caching-proxy" "$@"
