//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import HTTPCache

extension ProxyOptions {
  mutating func declareOriginAndListening() {
    options.beginSection("What is cached, and where the proxy listens")
    let origin = options.option("origin", .origin, "URL", "the server to cache: http://HOST:PORT (or use --demo)")
    let demo = options.flag("demo", "bring an origin along, to try the proxy without a server of one's own")
    set(
      \.listen, "listen", .endpoint, "HOST:PORT",
      "where to listen; :8080 for every address of this machine, port 0 for any that is free")
    set(
      \.threads, "threads", .integer(1...1_024), "N",
      "how many threads serve connections; unless given, one processor is spared")
    set(
      \.metrics, "metrics", .endpoint, "HOST:PORT",
      "where to answer GET /metrics, for Prometheus; unless given, nowhere. Not for the world: it tells how the site is used"
    )
    set(\.name, "name", .token, "NAME", "the proxy's name in Via and Cache-Status")
    apply { values, settings throws(CommandLineError) in
      guard values[origin] != nil || values[demo] else {
        throw CommandLineError("--origin URL is missing; --demo brings an origin along")
      }
      guard values[origin] == nil || !values[demo] else {
        throw CommandLineError("--origin and --demo are two origins; give one")
      }
      if let origin = values[origin], settings.listen == Endpoint(origin.host, origin.port) {
        throw CommandLineError("--origin is where the proxy itself listens; give another port in --listen or --origin")
      }
      settings.origin = values[origin]
      if let origin = values[origin] { settings.policy.ownAuthorities = [origin.authority] }
    }
  }

  mutating func declareForwarding() {
    options.beginSection("What is passed on")
    set(\.preservesHost, "preserve-host", "pass the client's Host on instead of the origin's")
    set(
      \.trustedProxies, "trusted-proxies", .trustedProxies, "ADDRESS[/BITS][,...]",
      "who is believed about the client's address, host and scheme (X-Forwarded-For and the like), by IPv4 or IPv6 address, "
        + "or: loopback, unix; such a proxy must set or drop X-Forwarded-Host, -Proto and -Port of "
        + "its clients, and may append to X-Forwarded-For"
    )
    set(
      \.hosts, "hosts", .hosts, "NAME[,...]",
      "the hosts that are answered for, as Host has them; others get 421, and nothing of them is stored: example.org, "
        + "*.example.org (all below), example.org:8080 (else: port 80 or 443, and that of --listen)")
    set(
      \.allowsUnderscores, "allow-underscores",
      "pass on fields of requests with _ in their names, which CGI takes for -; else they are dropped")
    set(\.allowsTrace, "allow-trace", "forward TRACE, without credentials, instead of answering 405")
    set(
      \.trailers, "trailers", .trailers, "NAME[,...]",
      "trailer fields that are passed on beside digests, signatures, Server-Timing and gRPC's; x-mine-* for all that begin so"
    )
  }

  mutating func declareOutput() {
    options.beginSection("What is printed")
    set(\.logs, "log", "print one line for each request")
    set(\.isQuiet, "quiet", "print nothing else")
  }
}
