#!/usr/bin/env bash
# The example programs as their users meet them, one line for each thing checked. Runs what `swift build` has built, and
# builds only what is not there.
source "$(dirname "$0")/lib.sh"
need_packages curl python3
programs="$ROOT/.build/debug"
for program in basic-server custom-policy-server caching-proxy; do
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
  local code=0
  (sleep 5; kill -KILL "$pid") 2>/dev/null &
  local guard=$!
  wait "$pid" || code=$?
  kill "$guard" 2>/dev/null || true
  wait "$guard" 2>/dev/null || true
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
expect "caching-proxy: expired for a client that says max-age=0: validated" "$(ask -H 'Cache-Control: max-age=0' "$url/")" '^HTTP/1.1 200' 'fwd=' 'fwd-status=304' '^Hello'
expect "caching-proxy: only-if-cached without anything stored" "$(ask -H 'Cache-Control: only-if-cached' "$url/nothing")" '^HTTP/1.1 504'
expect "caching-proxy --log: a line for each request" "$(cat "$outputs/caching-proxy")" '^200 .* GET /big' '^304 .* GET /$'
code=0
message=$("$programs/caching-proxy" --demo --listen "127.0.0.1:$port" 2>&1) || code=$?
expect "caching-proxy: a taken port is a clear error" "$code $message" '^[12] caching-proxy: cannot listen on' "127.0.0.1:$port" 'in use'
stop caching-proxy
expect "caching-proxy: says what it did" "$(tail -n 1 "$outputs/caching-proxy")" '[0-9]+ requests, .* answered from the cache'

dead=$(free_port)
start caching-proxy --origin "http://127.0.0.1:$dead"
expect "caching-proxy: a dead origin is a 502 that says why" "$(ask "http://127.0.0.1:$port/")" '^HTTP/1.1 502' "127.0.0.1:$dead.*refused"
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
for program in basic-server custom-policy-server caching-proxy; do
  code=0
  message=$("$programs/$program" --help 2>/dev/null) || code=$?
  expect "$program --help: exit status 0" "$code $message" '^0 ' '--listen HOST:PORT'
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
