#!/usr/bin/env bash
# The metrics of the caching proxy as Prometheus reads them: scripts/metrics_check.py says what is checked.
#   scripts/metrics_check.sh          everything: builds the proxy, takes a good minute
#   scripts/metrics_check.sh quick    without the minute of load, with the program that `swift build` has built
source "$(dirname "$0")/lib.sh"

tools="$ROOT/.build/prometheus-client"

# Packages that cannot be had are said, and what needs them is left out: the machine may have no network.
if ! command -v promtool >/dev/null; then
  (need_packages prometheus && { as_root systemctl disable --now prometheus || true; }) >/dev/null 2>&1 ||
    say "Debian's prometheus cannot be installed: promtool and Prometheus are left out"
fi
python=python3
if ! python3 -c 'import prometheus_client' 2>/dev/null; then
  # Made once.
  "$tools/bin/python3" -c 'import prometheus_client' 2>/dev/null ||
    (python3 -m venv "$tools" && timeout 60 "$tools/bin/pip" install -q prometheus-client) >/dev/null 2>&1 || true
  if "$tools/bin/python3" -c 'import prometheus_client' 2>/dev/null; then
    python="$tools/bin/python3"
  else
    say "PyPI's prometheus-client cannot be installed: its parsers are left out"
  fi
fi

if [ "${1:-}" = quick ]; then
  proxy=.build/debug/caching-proxy
  [ -x "$proxy" ] || fail "build first: swift build --product caching-proxy"
  "$python" scripts/metrics_check.py --proxy "$proxy" --seconds 0
else
  need_swift
  need_libraries
  swift build -c release --product caching-proxy 2>&1 | tail -n 1
  "$python" scripts/metrics_check.py --proxy "$(swift build -c release --show-bin-path)/caching-proxy" "$@"
fi
