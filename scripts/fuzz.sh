#!/bin/sh
# Feeds a parser with what a coverage-guided fuzzer makes up.
#
#   scripts/fuzz.sh TARGET [SECONDS]     one target (default: 60 seconds)
#   scripts/fuzz.sh all [SECONDS]        each in turn
#   scripts/fuzz.sh build                only compile
#
# Inputs that reach something new go to Tests/Fuzzing/Corpus/TARGET (minimised at the end), which the ordinary tests replay.
# The targets are the cases of FuzzTarget in Tests/HTTPCacheTests/Semantics/FuzzTarget.swift, those of MessageFuzzTarget in
# Tests/ExampleSupportTests, BookkeepingFuzzTarget in Tests/HTTPCacheMemcachedTests and RedisFuzzTarget in
# Tests/HTTPCacheRedisTests.
set -eu
cd "$(dirname "$0")/.."

# A crash is the fuzzer's to report, not the Swift runtime's.
export SWIFT_BACKTRACE=enable=no

work="${FUZZ_BUILD_DIR:-.build/fuzz}"
program="$work/fuzz"
targets="dates directives structured-fields ranges content-range selection no-vary-search references conditions storing
  cookies wire requests responses memcached-bookkeeping redis-bookkeeping"

# Only the floors that the parsers live on; nothing of them needs a package.
sources="Sources/HTTPCache/Messages Sources/HTTPCache/Platform Sources/HTTPCache/Semantics Sources/HTTPCache/Storage
  Sources/HTTPCache/Tags Sources/HTTPCache/Memory Sources/HTTPCache/MultiTier/TierMark.swift
  Sources/HTTPCache/MultiTier/Backplane.swift Sources/HTTPCache/MultiTier/BackplaneEvent.swift
  Sources/HTTPCache/MultiTier/BackplaneMessage.swift Sources/HTTPCache/MultiTier/BackplaneMessage+Wire.swift
  Sources/HTTPCache/MultiTier/GapDetector.swift
  Sources/HTTPCache/Policy/TagPolicy.swift Sources/HTTPCache/Policy/CacheConfigurationError.swift"
entry="Tests/ServerHarness/StoreFuzzTarget.swift Tests/HTTPCacheTests/Semantics/FuzzTarget.swift Tests/ExampleSupportTests/MessageFuzzTarget.swift
  Tests/HTTPCacheMemcachedTests/BookkeepingFuzzTarget.swift Tests/HTTPCacheRedisTests/RedisFuzzTarget.swift
  Tests/Fuzzing/EntryPoint.swift"
# Parts of other modules, which here are the same one: compiled without their imports of the library.
memcached="Sources/HTTPCacheMemcached/Bookkeeping/*.swift Sources/HTTPCacheMemcached/Wire/MemcachedReplyReader*.swift
  Sources/HTTPCacheMemcached/Wire/*Protocol.swift Sources/HTTPCacheMemcached/Wire/MemcachedRequest.swift
  Sources/HTTPCacheMemcached/Wire/MemcachedWireError.swift Sources/HTTPCacheMemcached/Wire/ReplyWords.swift
  Sources/HTTPCacheMemcached/Wire/UInt64+Decimal.swift
  Sources/HTTPCacheMemcached/Keys/*.swift
  Sources/HTTPCacheMemcached/Values/ChunkManifest.swift Sources/HTTPCacheMemcached/Values/MemcachedFormat.swift
  Sources/HTTPCacheMemcached/Values/MemcachedExpiration.swift Sources/HTTPCacheMemcached/Client/MemcachedCommand.swift
  Sources/HTTPCacheMemcached/Client/MemcachedReply.swift Sources/HTTPCacheMemcached/Client/MemcachedStoreOutcome.swift
  Sources/HTTPCacheMemcached/Client/MemcachedValue.swift Sources/HTTPCacheMemcached/Client/MemcachedItem.swift
  Sources/HTTPCacheMemcached/Client/MemcachedError.swift"
redis="Sources/HTTPCacheRedis/Log/InvalidationMirror.swift Sources/HTTPCacheRedis/Log/InvalidationRecord.swift
  Sources/HTTPCacheRedis/Log/LogFollower.swift Sources/HTTPCacheRedis/Log/LogPage.swift
  Sources/HTTPCacheRedis/Log/LogReading.swift Sources/HTTPCacheRedis/Log/StreamID.swift
  Sources/HTTPCacheRedis/Protocol/Redis*.swift Sources/HTTPCacheRedis/Protocol/Reply*.swift
  Sources/HTTPCacheRedis/Protocol/SHA1.swift Sources/HTTPCacheRedis/RedisError.swift
  Sources/HTTPCacheRedis/Cluster/Redirection.swift Sources/HTTPCacheRedis/Cluster/HashSlot.swift
  Sources/HTTPCacheRedis/Configuration/RedisEndpoint.swift Sources/HTTPCacheRedis/Backend/RedisKeys.swift"

# The parsers of messages import the library, of which they are a part here.
messages="CommandLine/Endpoint Client/InvalidURLError Client/OriginURL CommandLine/CommandLineError CommandLine/OptionKind
  Wire/BodyDecoder Wire/BodyFraming Wire/ByteWriter Wire/FieldSection Wire/LineAssembler
  Wire/MessageLimits Wire/MinorVersion Wire/Octet Wire/ParseFailure Wire/PermittedTrailers Wire/RepeatedHead
  Wire/RequestEvent Wire/RequestHead Wire/RequestParser Wire/RequestTarget Wire/ResponseEvent Wire/ResponseHead
  Wire/ResponseParser"

build() {
  rm -rf "$work/stores"
  mkdir -p "$work/stores"
  for source in $memcached $redis; do
    sed '/import HTTPCache$/d' "$source" >"$work/stores/$(basename "$source")"
  done
  rm -rf "$work/messages"
  mkdir -p "$work/messages"
  for name in $messages; do
    sed 's/^ *\(public \)*import HTTPCache$//' "Examples/Support/$name.swift" >"$work/messages/${name#*/}.swift"
  done
  # shellcheck disable=SC2046,SC2086
  {
    clang -c -O2 -fsanitize=fuzzer-no-link,address -I Sources/CChecksum/include -o "$work/CChecksum.o" \
      Sources/CChecksum/CChecksum.c &&
      clang -c -O2 -I Sources/CCompilerBarrier/include -o "$work/CCompilerBarrier.o" \
        Sources/CCompilerBarrier/CCompilerBarrier.c &&
      swiftc -parse-as-library -O -sanitize=fuzzer,address -swift-version 6 -D FUZZING \
        -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
        -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature NonisolatedNonsendingByDefault \
        -module-name HTTPCacheFuzzing -package-name swift-http-cache -I Sources/CChecksum/include -I Sources/CCompilerBarrier/include -I Sources/CHiredis \
        -Xcc -I/usr/include/hiredis -o "$program" \
        $(find $sources -name '*.swift') "$work"/stores/*.swift "$work"/messages/*.swift $entry "$work/CChecksum.o" "$work/CCompilerBarrier.o"
  } 2>"$work/build.log" || {
    cat "$work/build.log" >&2
    exit 1
  }
}

# shellcheck disable=SC2086
newest=$(find $sources $entry Examples/Support Sources/HTTPCacheMemcached Sources/HTTPCacheRedis Sources/CChecksum -type f -newer "$program" 2>/dev/null | head -n 1 || true)
if [ ! -x "$program" ] || [ -n "$newest" ]; then build; fi

run() {
  kept="Tests/Fuzzing/Corpus/$1"
  found="$work/corpus/$1"
  mkdir -p "$kept" "$found" "$work/crashes"
  # What is worth keeping of a parser of text is short; an entry begins with a header of 104 octets.
  case "$1" in wire) kept_length=1024 ;; *) kept_length=256 ;; esac
  echo "== $1, $2 seconds"
  FUZZ_TARGET="$1" "$program" -max_total_time="$2" -max_len=1024 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$work/crashes/$1-" "$found" "$kept"
  # Keep a small set that reaches all the code that was reached.
  rm -rf "$work/merged/$1"
  mkdir -p "$work/merged/$1"
  FUZZ_TARGET="$1" "$program" -set_cover_merge=1 -use_counters=0 -max_len=$kept_length "$work/merged/$1" "$kept" "$found" >/dev/null 2>&1
  # What once failed stays, whatever else reaches the same code.
  find "$kept" -name '*crash-*' -exec cp {} "$work/merged/$1/" \;
  rm -rf "$kept"
  mv "$work/merged/$1" "$kept"
}

case "${1:-}" in
  build) ;;
  all) for target in $targets; do run "$target" "${2:-60}"; done ;;
  "") sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  *) run "$1" "${2:-60}" ;;
esac
