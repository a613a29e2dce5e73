#!/usr/bin/env bash
# What a cache counts against what the process grows by: ten kinds of content, each in a process of its own, which fills a
# cache, replaces its content three times through the layer, and revalidates and hits some of it meanwhile. Fails where the
# growth of resident memory is more than a tenth (15 % below 64 B) from what the cache counts, when it is full and at the end,
# or above its capacity at any time.
#
#   scripts/memory_check.sh [--capacities 64,1024] [--kinds empty,1KiB] [--policy LRU] [--minutes M]
#
# --capacities are in MiB. --minutes M replaces the content for M minutes, instead of three times; half an hour each of
# `--kinds mixed --minutes 30` is the long run.
source "$(dirname "$0")/lib.sh"

capacities=64,1024
kinds=empty,50B,1KiB,64KiB,8MiB,fields,variants,pieces,sizes,mixed
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --capacities) capacities=$2 ;;
    --kinds) kinds=$2 ;;
    --policy | --minutes) options+=("$1" "$2") ;;
    *) fail "unknown option $1" ;;
  esac
  shift 2
done
[ -r /proc/self/status ] || fail "resident memory is read from /proc, which there is not"
need_swift
need_libraries
swift build -c release --product http-cache-benchmarks 2>&1 | tail -n 1
benchmarks="$(swift build -c release --show-bin-path)/http-cache-benchmarks"

echo "| content | capacity, MiB | entries | counted, MiB | by malloc, MiB | growth, MiB | growth of counted, full | at the end | peak of capacity | turns | |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"
failures=0
for capacity in ${capacities//,/ }; do
  for kind in ${kinds//,/ }; do
    "$benchmarks" --memory "$kind" --capacity $((capacity << 20)) "${options[@]}" || failures=$((failures + 1))
  done
done
[ "$failures" = 0 ] || fail "$failures outside of the bounds"
