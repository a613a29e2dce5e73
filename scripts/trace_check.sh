#!/usr/bin/env bash
# Whether libCacheSim agrees with this cache: records a trace, converts it, has PyPI's `libcachesim` read it in both of its formats, and
# compares its hit ratios of LRU and FIFO with those of http-cache-trace. Fails where they differ by more than 0.1 points.
#
#   scripts/trace_check.sh [requests]
source "$(dirname "$0")/lib.sh"

requests=${1:-200000}
need_swift
need_packages python3-venv
swift build -c "${CONFIGURATION:-release}" --product http-cache-trace 2>&1 | tail -n 1
trace="$(swift build -c "${CONFIGURATION:-release}" --show-bin-path)/http-cache-trace"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q "libcachesim>=0.3.3" || fail "libcachesim cannot be had from PyPI"

"$trace" sample "$folder/sample.trace" --requests "$requests"
"$trace" info "$folder/sample.trace"
"$trace" convert "$folder/sample.trace" "$folder/sample.oracleGeneral" --to oracleGeneral
"$trace" convert "$folder/sample.trace" "$folder/sample.lcs" --to lcs
for bytes in 1000000 4000000 16000000; do
  for policy in LRU FIFO; do
    "$trace" replay "$folder/sample.trace" --bytes "$bytes" --policy "$policy" | tail -n 1
  done
done >"$folder/own"
cat "$folder/own"
"$folder/venv/bin/python" "$ROOT/scripts/trace_check.py" "$folder" <"$folder/own"
