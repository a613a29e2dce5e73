#!/usr/bin/env bash
# The example programs as their users meet them, one line for each thing checked. Runs what `swift build` has built, and
# builds only what is not there.
source "$(dirname "$0")/lib.sh"
need_libraries
need_packages curl python3 redis-server memcached
programs="$ROOT/.build/debug"
all_programs=(basic-server custom-policy-server multi-tier-server redis-server memcached-server caching-proxy)
for program in "${all_programs[@]}"; do
  [ -x "$programs/$program" ] && continue
  need_swift
  say "Building $program"
  swift build --product "$program" 2>&1 | tail -n 1
done

passed=0
failed=0

# pass/flunk NAME [WHY]
pass() { passed=$((passed + 1)); printf 'ok    %s\n' "$1"; }
flunk() { failed=$((failed + 1)); printf 'FAIL  %s\n      %s\n' "$1" "${2:-}"; }

# expect NAME TEXT REGEX…: TEXT matches every one of them; one that begins with ! must not match.
expect() {
  local name=$1 text=$2 regex
  shift 2
  for regex in "$@"; do
    if [ "${regex:0:1}" = '!' ]; then
      ! grep -qiE -- "${regex:1}" <<<"$text" || { flunk "$name" "has /${regex:1}/: $(head -c 400 <<<"$text" | tr '\r\n' ' |')"; return; }
    else
      grep -qiE -- "$regex" <<<"$text" || { flunk "$name" "lacks /$regex/: $(head -c 400 <<<"$text" | tr '\r\n' ' |')"; return; }
    fi
  done
  pass "$name"
}

# ask URL [curl options]: head and body, without the carriage returns.
ask() { curl -si --max-time 10 "$@" | tr -d '\r'; }

running=()
outputs=$(mktemp -d)
cleanup() {
  # A subshell that is killed just after its fork may still have this trap.
  [ "$BASHPID" = $$ ] || return 0
  for pid in "${running[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$outputs"
}
trap cleanup EXIT

# start PROGRAM [flags]: sets `port` and `pid`; what it prints goes to $outputs/PROGRAM.
start() {
  port=$(free_port)
  "$programs/$1" --listen "127.0.0.1:$port" "${@:2}" >"$outputs/$1" 2>&1 &
  pid=$!
  running+=("$pid")
  wait_for_port "$port" 10 || fail "$1 does not listen: $(cat "$outputs/$1")"
}

# stop NAME: SIGTERM, and exit status 0 within 5 s.
stop() {
  kill -TERM "$pid"
  local code=0 deadline=$((SECONDS + 6))
  while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" || code=$?
  if [ "$code" = 0 ]; then pass "$1: SIGTERM ends it with exit status 0"; else flunk "$1: SIGTERM ends it with exit status 0" "exit status $code"; fi
}

# --- basic-server
start basic-server
url="http://127.0.0.1:$port"
expect "basic-server: prints what to try" "$(cat "$outputs/basic-server")" "curl -i $url/slow" 'Ctrl-C'
expect "basic-server: a miss is stored" "$(ask "$url/")" '^HTTP/1.1 200' '^cache-status: .*fwd=uri-miss.*stored' '!^age:' '^Hello'
sleep 1.1
expect "basic-server: then a hit, with its Age" "$(ask "$url/")" '^HTTP/1.1 200' '^cache-status: .*; hit' '^age: [12]$' '^Hello'
expect "basic-server: HEAD is answered from the GET" "$(ask -I "$url/")" '^HTTP/1.1 200' '; hit' '^content-length: 22' '!^Hello'
expect "basic-server: a range of it" "$(ask -r 0-4 "$url/")" '^HTTP/1.1 206' '^content-range: bytes 0-4/22' '^Hello$'
expect "basic-server: a range beyond it" "$(ask -r 100-200 "$url/")" '^HTTP/1.1 416' '^content-range: bytes \*/22'
expect "basic-server: private is never stored" "$(ask "$url/me"; ask "$url/me")" '^HTTP/1.1 200' '!; hit' '!; stored'
expect "basic-server: no-store is never stored" "$(ask "$url/constant"; ask "$url/constant")" '^HTTP/1.1 200' '!; hit' '!; stored'
expect "basic-server: a 404 is kept" "$(ask "$url/missing"; ask "$url/missing")" '^HTTP/1.1 404' '; hit'
first=$(ask "$url/clock")
sleep 0.5
second=$(ask "$url/clock")
expect "basic-server: the clock stands still while it is fresh" "$second" '; hit' "$(grep '^It is' <<<"$first" | sed 's/[][()+.*?{}|\\^$]/./g')"
slow=$(curl -so /dev/null -w '%{time_total}' "$url/slow")
quick=$(curl -so /dev/null -w '%{time_total}' "$url/slow")
expect "basic-server: a slow report is slow once" "$(awk "BEGIN { print ($slow > 1.9 && $quick < 0.5) ? \"yes\" : \"$slow s, then $quick s\" }")" '^yes$'
sleep 0.6
expect "basic-server: the clock, past its 3 s, is stale and being refreshed" "$(ask "$url/clock")" '^HTTP/1.1 200' '; hit; ttl=-'
expect "basic-server: an invalid request is refused" "$(printf 'GET / HTTP/1.1\r\n\r\n' | curl -s --max-time 3 "telnet://127.0.0.1:$port" | tr -d '\r')" '^HTTP/1.1 400'
taken=0
message=$("$programs/basic-server" --listen "127.0.0.1:$port" 2>&1) || taken=$?
expect "basic-server: a taken port is a clear error" "$taken $message" '^[12] ' "127.0.0.1:$port" 'in use' '!Fatal error'
stop basic-server

start basic-server --uncached
url="http://127.0.0.1:$port"
expect "basic-server --uncached: nothing is cached" "$(ask "$url/"; ask "$url/")" '^HTTP/1.1 200' '^Hello' '!^cache-status' '!^age:'
stop "basic-server --uncached"

# --- custom-policy-server
start custom-policy-server
url="http://127.0.0.1:$port"
expect "custom-policy-server: a product is stored by path and country" "$(ask -H 'X-Country: ch' "$url/products/7?utm_source=a")" 'fwd=uri-miss.*stored' '^Product 7 for ch'
expect "custom-policy-server: the query is no part of its key" "$(ask -H 'X-Country: ch' "$url/products/7?utm_source=b")" '; hit' '^Product 7 for ch'
expect "custom-policy-server: the country is" "$(ask -H 'X-Country: de' "$url/products/7")" 'fwd=uri-miss' '^Product 7 for de'
expect "custom-policy-server: a missing product is kept" "$(ask "$url/products/none"; ask "$url/products/none")" '^HTTP/1.1 404' '; hit'
expect "custom-policy-server: a price is kept" "$(ask "$url/prices/7"; ask "$url/prices/7")" '^7 costs' '; hit'
expect "custom-policy-server: /admin/ is never cached" "$(ask "$url/admin/"; ask "$url/admin/")" '^HTTP/1.1 200' '!; hit' '!; stored'
expect "custom-policy-server: nor what is asked for with X-Preview" "$(ask -H 'X-Preview: 1' "$url/products/7"; ask -H 'X-Preview: 1' "$url/products/7")" '!; hit'
sleep 2
expect "custom-policy-server: the missing product, after 2 s, is asked for again" "$(ask "$url/products/none")" '^HTTP/1.1 404' '!; hit'
stop custom-policy-server

# --- caching-proxy
start caching-proxy --demo --log
url="http://127.0.0.1:$port"
expect "caching-proxy --demo: prints what to try" "$(cat "$outputs/caching-proxy")" "listens on $url" "curl -i $url/"
expect "caching-proxy: a miss, with Via" "$(ask "$url/")" '^HTTP/1.1 200' 'fwd=uri-miss.*stored' '^via: 1.1 swift-http-cache' '^Hello'
expect "caching-proxy: 304 to If-None-Match" "$(ask -H 'If-None-Match: "demo-1"' "$url/")" '^HTTP/1.1 304' '^etag: "demo-1"' '; hit' '!^Hello'
expect "caching-proxy: a private answer is never stored" "$(ask "$url/private"; ask "$url/private")" '^For your eyes' '!; hit' '!; stored'
expect "caching-proxy: a body of unknown length arrives whole" "$(curl -s "$url/big" | wc -c)" '^ *4194304$'
expect "caching-proxy: and is stored, with its length" "$(ask -I "$url/big")" '; hit' '^content-length: 4194304'
sleep 1.1
expect "caching-proxy: a hit, with its Age" "$(ask "$url/")" '^age: [1-4]$' '; hit'
sleep 4.2
expect "caching-proxy: past its 5 s, stale while it is revalidated" "$(ask "$url/")" '^HTTP/1.1 200' '; hit; ttl=-' '^Hello'
sleep 0.5
expect "caching-proxy: then fresh again, confirmed by the origin" "$(ask "$url/")" '; hit; ttl=[345]' '^Hello'
expect "caching-proxy: fresh also for a client that says max-age=0" "$(ask -H 'Cache-Control: max-age=0' "$url/")" '^HTTP/1.1 200' '; hit; ttl=' '^Hello'
expect "caching-proxy: only-if-cached without anything stored" "$(ask -H 'Cache-Control: only-if-cached' "$url/nothing")" '^HTTP/1.1 504'
expect "caching-proxy --log: a line for each request" "$(cat "$outputs/caching-proxy")" '^200 .* GET /big' '^304 .* GET /$'
code=0
message=$("$programs/caching-proxy" --demo --listen "127.0.0.1:$port" 2>&1) || code=$?
expect "caching-proxy: a taken port is a clear error" "$code $message" '^[12] caching-proxy: cannot listen on' "127.0.0.1:$port" 'in use'
stop caching-proxy
expect "caching-proxy: says what it did" "$(tail -n 1 "$outputs/caching-proxy")" '[0-9]+ requests, .* answered from the cache'

# begin_slow [SECONDS]: a request that takes the origin a second; its answer goes to $outputs/slow. Returns after SECONDS (0.4).
begin_slow() {
  curl -si --max-time 10 "http://127.0.0.1:$port/slow" >"$outputs/slow" &
  client=$!
  sleep "${1:-0.4}"
}
start caching-proxy --demo
begin_slow
stop "caching-proxy with a request under way"
wait "$client" || true
expect "caching-proxy: that request is answered" "$(tr -d '\r' <"$outputs/slow")" '^HTTP/1.1 200' '^connection: close' '^This took'
start caching-proxy --demo
begin_slow 0.1
kill -TERM "$pid"
sleep 0.05
# The same signal within 500 ms counts once: a supervisor may send it to the process and to its group. Another counts.
kill -TERM "$pid"
sleep 0.05
kill -INT "$pid"
code=0
wait "$pid" || code=$?
expect "caching-proxy: a second signal ends it at once" "$code" '^130$'
wait "$client" || true

metrics_port=$(free_port)
start caching-proxy --demo --metrics "127.0.0.1:$metrics_port"
expect "caching-proxy --metrics: says where they are" "$(cat "$outputs/caching-proxy")" "metrics are at http://127.0.0.1:$metrics_port/metrics"
ask "http://127.0.0.1:$port/" "http://127.0.0.1:$port/" >"$outputs/asked"
expect "caching-proxy --metrics: counts the hit" "$(ask "http://127.0.0.1:$metrics_port/metrics")" '^HTTP/1.1 200' '^content-type: text/plain; version=0.0.4' '^cache-control: no-store' '^http_cache_requests_total\{.*outcome="hit",reason=""\} 1$'
expect "caching-proxy --metrics: only there" "$(ask "http://127.0.0.1:$metrics_port/")" '^HTTP/1.1 404'
expect "caching-proxy --metrics: not for clients of the site" "$(ask "http://127.0.0.1:$port/metrics")" '!http_cache_requests'
stop "caching-proxy --metrics"

dead=$(free_port)
start caching-proxy --origin "http://127.0.0.1:$dead" --threads 3
expect "caching-proxy --threads 3: so many loops" "$(cat /proc/"$pid"/task/*/comm | grep -c event-loop)" '^3$'
expect "caching-proxy: a dead origin is a 502" "$(ask "http://127.0.0.1:$port/")" '^HTTP/1.1 502' 'could not be reached'
stop caching-proxy

# refused NAME REGEX flags…: exit status 2 and a message, not a crash.
refused() {
  local code=0 message
  message=$(timeout 5 "$programs/caching-proxy" "${@:3}" 2>&1 >/dev/null) || code=$?
  expect "$1" "$code $message" '^2 ' "$2" '!Fatal error'
}
refused "caching-proxy: an unknown flag is exit status 2" 'no-such-flag' --demo --no-such-flag
refused "caching-proxy: a value that is no size" 'capacity' --demo --capacity many
refused "caching-proxy: a value that is no time" 'ttl' --demo --ttl soon
refused "caching-proxy: a value that is missing" 'listen' --demo --listen
refused "caching-proxy: an origin that is no URL" 'origin' --origin 'ftp://example.com'
refused "caching-proxy: no origin at all" 'origin' --quiet
refused "caching-proxy: a capacity of nothing" 'capacity' --demo --capacity 0
refused "caching-proxy: no threads" 'threads: "0" is not a whole number' --demo --threads 0
refused "caching-proxy: a store that is none" 'backend: "sqlite:///x" is no store; write memory, redis://' --demo --backend sqlite:///x
refused "caching-proxy: a Redis URL with a port that is none" 'backend: .*port "http" is not a number' --demo --backend redis://127.0.0.1:http
refused "caching-proxy: TLS to Redis" 'backend: rediss:// asks for TLS' --demo --backend rediss://127.0.0.1
refused "caching-proxy: a memcached URL without a host" 'backend: .*host without a name' --demo --backend memcached://
refused "caching-proxy: memory behind something" 'backend: memory is the nearest' --demo --backend redis://127.0.0.1,memory
refused "caching-proxy: a lease without a shared store" 'origin-lease is for' --demo --origin-lease 5s
refused "caching-proxy: client directives both respected and ignored" 'say the opposite' --demo --respect-client-directives --ignore-client-directives
refused "caching-proxy: three tiers" 'backend: these are 3 stores' --demo --backend memory,redis://127.0.0.1,memcached://127.0.0.1

# --- Redis and memcached, and the programs that use them
redis_port=$(free_port)
memcached_port=$(free_port)
redis_url=redis://127.0.0.1:$redis_port
memcached_url=memcached://127.0.0.1:$memcached_port
# The examples have the names of the servers, and may be on PATH.
servers=/usr/bin:/usr/local/bin:/opt/homebrew/bin

# start_store redis|memcached: sets `store`.
start_store() {
  case $1 in
    redis)
      PATH=$servers redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --dir "$outputs" >"$outputs/store" 2>&1 &
      store=$! ; running+=("$store"); wait_for_port "$redis_port" 10 ;;
    memcached)
      PATH=$servers memcached -u nobody -p "$memcached_port" -l 127.0.0.1 >"$outputs/store" 2>&1 &
      store=$! ; running+=("$store"); wait_for_port "$memcached_port" 10 ;;
  esac || fail "$1 does not start: $(cat "$outputs/store")"
}
kill_store() { kill -KILL "$store"; wait "$store" 2>/dev/null || true; }

# until_hit URL [curl options]: what is asked for before the connection to a store is there is not stored, and storing
# elsewhere takes a moment that nobody waits for.
until_hit() {
  for _ in $(seq 100); do curl -s -o /dev/null -D - --max-time 10 "$@" | grep -q '; hit' && return; sleep 0.05; done
  fail "$1 does not become a hit"
}

# items_kept redis|memcached: how many the store has.
items_kept() {
  case $1 in
    redis) redis-cli -p "$redis_port" dbsize ;;
    memcached) { printf 'stats\r\nquit\r\n' >&3; sed -n 's/^STAT curr_items \([0-9]*\).*/\1/p' <&3; } 3<>"/dev/tcp/127.0.0.1/$memcached_port" ;;
  esac
}

# until_kept redis|memcached URL [curl options]: a near tier answers before the store is there again, and is emptied when
# it is, because an empty store has lost what was said of changes.
until_kept() {
  for _ in $(seq 100); do
    curl -s -o /dev/null --max-time 10 "${@:2}"
    (($(items_kept "$1") > 0)) && return
    sleep 0.05
  done
  fail "$1 does not get $2"
}

# The name by which both lives of the proxy are called: it is part of the key.
site='Host: shop.example'
for backend in "$redis_url" "$memcached_url" "memory,$redis_url" "memory,$memcached_url"; do
  case $backend in *redis*) kind=redis ;; *) kind=memcached ;; esac
  case $backend in memory,*) tiers=(--near-ttl 1s) ;; *) tiers=() ;; esac
  name="caching-proxy --backend ${backend//[0-9][0-9][0-9][0-9]*/…}"
  start_store $kind
  start caching-proxy --demo --backend "$backend" "${tiers[@]}"
  url="http://127.0.0.1:$port"
  expect "$name: says where responses are kept" "$(cat "$outputs/caching-proxy")" "kept in $backend\$" '!cannot be used'
  until_hit "$url/"
  expect "$name: a miss is stored" "$(ask -H "$site" "$url/slow")" '^HTTP/1.1 200' 'fwd=uri-miss.*stored' '^This took'
  expect "$name: then a hit" "$(ask -H "$site" "$url/slow")" '^HTTP/1.1 200' '; hit' '^This took'
  expect "$name: 4 MiB arrive whole" "$(curl -s -H "$site" "$url/big" | wc -c)" '^ *4194304$'
  until_hit "$url/big" -H "$site"
  expect "$name: and are a hit, with their length" "$(ask -I -H "$site" "$url/big")" '; hit' '^content-length: 4194304'
  stop "$name"
  start caching-proxy --demo --backend "$backend" "${tiers[@]}"
  url="http://127.0.0.1:$port"
  until_hit "$url/"
  expect "$name: a hit also after a restart, with its Age" "$(ask -H "$site" "$url/slow")" '^HTTP/1.1 200' '; hit' '^age: [0-9]+$' '^This took'
  kill_store
  answers=$(for path in / /slow /slow /private /big; do curl -s -o /dev/null -w '%{http_code} %{time_total}\n' --max-time 5 -H "$site" "$url$path"; done)
  expect "$name: without $kind the answers go on" "$(awk '$1 != 200 || $2 > 2 { bad = 1 } END { print (NR == 5 && !bad) ? "yes" : "no" }' <<<"$answers") $(tr '\n' ',' <<<"$answers")" '^yes'
  start_store $kind
  until_kept $kind "$url/"
  expect "$name: when $kind is back there are hits again" "$(until_hit "$url/slow" && echo a hit), $(items_kept $kind) items kept" '^a hit, [1-9]'
  stop "$name"
  kill_store
done

start caching-proxy --demo --backend "redis://user:secret@127.0.0.1:$redis_port"
sleep 1.5
expect "caching-proxy: Redis that is not there is said, and is no reason to end" "$(cat "$outputs/caching-proxy"; ask "http://127.0.0.1:$port/")" 'redis://.*cannot be used now .*refused' '^HTTP/1.1 200' '^Hello' '!secret'
stop "caching-proxy without its Redis"

# --- memcached-server (redis-server: redis_smoke.py)
start_store memcached
start memcached-server --memcached "$memcached_url" --work 300ms
url="http://127.0.0.1:$port"
until_hit "$url/reports/ready"
expect "memcached-server: a miss is stored" "$(ask "$url/reports/7")" 'fwd=uri-miss.*stored' '^Report 7'
ask "$url/summaries/7" >/dev/null
expect "memcached-server: then a hit" "$(ask "$url/reports/7")" '; hit' '^Report 7'
expect "memcached-server: a change" "$(ask -X POST "$url/reports/7")" '^HTTP/1.1 204'
expect "memcached-server: makes all void that has its tag" "$(ask "$url/reports/7"; ask "$url/summaries/7")" '^Report 7' '^Summary 7' '!; hit'
expect "memcached-server: a tag" "$(ask -X DELETE "$url/tags/report:7"; ask "$url/summaries/7")" '^HTTP/1.1 204' '^Summary 7' '!; hit'
kill_store
expect "memcached-server: without memcached the handler answers" "$(ask "$url/reports/7")" '^HTTP/1.1 200' '^Report 7' '!; hit'
stop memcached-server

# --- multi-tier-server
start_store redis
for choice in memory "$redis_url"; do
  second=$(free_port)
  start multi-tier-server --second "127.0.0.1:$second" --store "$choice"
  url="http://127.0.0.1:$port"
  other="http://127.0.0.1:$second"
  name="multi-tier-server --store ${choice%%:*}"
  until_hit "$url/ready"
  expect "$name: a miss is stored" "$(ask "$url/page")" 'fwd=uri-miss.*stored'
  expect "$name: and a hit on the other node" "$(ask "$other/page")" '; hit'
  expect "$name: a change on one node" "$(ask -X POST "$other/page")" '^HTTP/1.1 204'
  expect "$name: is known to the other" "$(sleep 0.1; ask "$url/page")" 'fwd=' '!; hit'
  expect "$name: says what happened between the tiers" "$(ask "$url/tiers")" '^nearHit: [0-9]+' '^invalidationReceived: 1'
  stop "$name"
done
kill_store

if "$ROOT/scripts/redis_smoke.py" --program "$programs/redis-server"; then pass "redis_smoke.py"; else flunk "redis_smoke.py" "see above"; fi

for program in "${all_programs[@]}"; do
  code=0
  message=$("$programs/$program" --help 2>/dev/null) || code=$?
  expect "$program --help: exit status 0" "$code $message" '^0 ' '--listen HOST:PORT'
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
