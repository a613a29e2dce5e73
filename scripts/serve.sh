#!/usr/bin/env bash
# Installs what is missing, builds, and runs the caching proxy in front of a bundled demo origin, or of `--origin URL`.
# All arguments go to the proxy: scripts/serve.sh --origin http://127.0.0.1:3000 --listen 127.0.0.1:8080 --log
# Responses in Redis, with memory in front: scripts/serve.sh --backend memory,redis://127.0.0.1:6379
source "$(dirname "$0")/lib.sh"
need_swift
need_libraries

say "Building (the first time takes some minutes)"
swift build -c release --product caching-proxy
case " $* " in
  *" --origin "* | *" --origin="* | *" --demo "* | *" --help "* | *" -h "*) exec "$(swift build -c release --show-bin-path)/caching-proxy" "$@" ;;
  *) exec "$(swift build -c release --show-bin-path)/caching-proxy" --demo "$@" ;;
esac
