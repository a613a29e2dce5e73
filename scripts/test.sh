#!/usr/bin/env bash
# Installs what is missing and runs every test. `scripts/test.sh quick` leaves out the sanitizer runs; the suites that talk
# to servers have theirs in scripts/sanitize.sh.
source "$(dirname "$0")/lib.sh"
need_swift
need_packages python3 libhiredis-dev libmemcached-dev redis-server redis-sentinel redis-tools memcached

export HTTP_CACHE_STRICT=1

LOG="$(mktemp)"
trap 'rm -f "$LOG"' EXIT

# run_tests ARGUMENT…: `swift test`; what fails is said again at the end, where whoever reads a long log finds it.
run_tests() {
  swift test --skip-build "$@" 2>&1 | tee "$LOG" && return
  say "Failed: swift test $*"
  grep -E -A 3 '✘|ThreadSanitizer|Fatal error|Crash' "$LOG" | tail -n 60
  exit 1
}

say "Format"
git ls-files '*.swift' | xargs swift format lint --strict

say "Build and test"
swift build --build-tests 2>&1 | tail -n 3
# One after the other: the tests of the rules keep all cores busy, and those of the server watch the time.
run_tests --filter HTTPCacheTests --skip InvalidationModelTests
# By itself: it decides by what is still to come, and a busy machine makes it wait.
run_tests --filter InvalidationModelTests
# One test at a time: they talk to real sockets in blocking calls, and two at once would wait for each other's threads.
run_tests --no-parallel --filter ExampleSupportTests
run_tests --filter HTTPCacheMemcachedTests
run_tests --filter HTTPCacheRedisTests
# Servers that are killed, stopped and corrupted under load: a few cases of scripts/fault_check.sh.
run_tests --filter '^FaultTests'

if [ "${1:-}" != quick ]; then
  say "Concurrency suites under ThreadSanitizer"
  # A build of its own beside the other, so that neither undoes the other's work.
  swift build --build-tests --sanitize=thread --scratch-path .build-tsan 2>&1 | tail -n 3
  TSAN_OPTIONS="halt_on_error=1 suppressions=$ROOT/scripts/tsan-suppressions.txt" \
    run_tests --sanitize=thread --scratch-path .build-tsan \
    --filter 'Stampede|Staleness|BodyLog|InMemoryBackendStress|PredecessorBug'
  run_tests --sanitize=thread --scratch-path .build-tsan --no-parallel --filter ExampleSupportTests
fi

say "The programs"
scripts/smoke.sh
scripts/metrics_check.sh quick
python3 scripts/two_process_check.py --proxy .build/debug/caching-proxy --rounds 100
