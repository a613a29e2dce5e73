#!/usr/bin/env bash
# The suites that talk to real servers under ThreadSanitizer and AddressSanitizer: `scripts/sanitize.sh [thread|address]`,
# both unless said otherwise. A build of its own for each, beside the ordinary one: minutes.
source "$(dirname "$0")/lib.sh"
need_swift
need_libraries
need_packages redis-server redis-sentinel redis-tools memcached

# Reports are errors, with what is known to be none left out; a report ends the run.
export TSAN_OPTIONS="halt_on_error=1 suppressions=$ROOT/scripts/tsan-suppressions.txt"
export ASAN_OPTIONS="detect_leaks=1 halt_on_error=1"
export LSAN_OPTIONS="suppressions=$ROOT/scripts/lsan-suppressions.txt print_suppressions=0"

for sanitizer in "${@:-thread address}"; do
  # shellcheck disable=SC2086
  for name in $sanitizer; do
    case $name in
      thread) folder=.build-tsan ;;
      address) folder=.build-asan ;;
      *) fail "thread or address, not $name" ;;
    esac
    say "Build for the $name sanitizer"
    swift build --build-tests --sanitize="$name" --scratch-path "$folder" 2>&1 | tail -n 1
    for suite in ^HTTPCacheRedisTests ^HTTPCacheMemcachedTests ^FaultTests; do
      say "$suite under the $name sanitizer"
      # Left out: what is judged by the time it takes, and a parser of one thread that is fed one octet at a time for minutes.
      swift test --skip-build --sanitize="$name" --scratch-path "$folder" --filter "$suite" \
        --skip 'tenth of a second|however the stream is cut' | tail -n 3
    done
  done
done
