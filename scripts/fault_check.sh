#!/usr/bin/env bash
# Redis and memcached are killed, stopped, emptied, slowed down, cut off and corrupted while clients use a cache that is kept
# in them: one line for each case, with figures. `scripts/fault_check.sh --help` lists the options.
source "$(dirname "$0")/lib.sh"
need_swift
need_libraries
need_packages redis-server redis-sentinel redis-tools memcached
swift build -c release --product fault-check 2>&1 | tail -n 1
exec "$(swift build -c release --show-bin-path)/fault-check" "$@"
