//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleBackends
import ExampleSupport
import HTTPCache

/// What the command line says.
struct Settings {
  var origin: OriginURL?
  var listen: Endpoint
  var threads: Int
  var backend: BackendChoice
  var namespace: String?
  var tiers: TierConfiguration
  var watchesKeys: Bool
  var capacity: Int
  var name: String
  var policy: CachePolicy
  var server: HTTPServer.Configuration
  var client: UpstreamClient.Configuration
  var preservesHost: Bool
  var trustedProxies: TrustedProxies
  var hosts: PermittedHosts
  var allowsUnderscores: Bool
  var allowsTrace: Bool
  var trailers: PermittedTrailers
  var logs: Bool
  var isQuiet: Bool

  /// Reads the command line; leaves the program with help or an error if that is all there is to do.
  static func parse() -> Settings {
    var options = CommandLineOptions(
      program: "caching-proxy", summary: "An HTTP cache in front of any HTTP/1.1 server (RFC 9111, a shared cache).")
    let origin = options.option("origin", .origin, "URL", "the server to cache: http://HOST:PORT (or use --demo)")
    let demo = options.flag("demo", "bring an origin along, to try the proxy without a server of one's own")
    let listen = options.option(
      "listen", .endpoint, "HOST:PORT", "where to listen", default: Endpoint("127.0.0.1", 8080))
    let threads = options.option(
      "threads", .integer(1...1_024), "N", "how many threads serve connections; unless given, one processor is spared",
      default: EventLoopGroup.defaultCount)
    let backend = options.option(
      "backend", .backend, "STORE[,STORE]",
      "where responses are kept: memory, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], unix:///PATH (Redis), "
        + "memcached://HOST[:PORT][,HOST[:PORT]...]; two for a near tier and a far one: memory,redis://127.0.0.1:6379",
      default: .memory)
    let namespace = options.option(
      "namespace", .text, "NAME", "what keys in Redis or memcached begin with; different for each site that shares one")
    let nearTime = options.option(
      "near-ttl", .duration, "TIME", "how long the near tier is used without asking the far one", default: .seconds(10))
    let watches = options.flag(
      "watch-keys",
      "with a near tier before Redis: drop copies of what others, such as redis-cli, write or remove there")
    let lease = options.option(
      "origin-lease", .duration, "TIME",
      "let one of the proxies that share Redis or memcached ask the origin at a time, for so long at most")
    let capacity = options.option(
      "capacity", .byteSize, "SIZE", "how much memory responses may take", default: 256 << 20)
    let maximumBody = options.option(
      "maximum-body", .byteSize, "SIZE", "the largest body that is stored", default: 8 << 20)
    let timeToLive = options.option(
      "ttl", .duration, "TIME", "how long a success that does not say so is fresh (else: by its Last-Modified)")
    let negative = options.option("negative-ttl", .duration, "TIME", "the same for 404, 405, 410, 414 and 501")
    let revalidate = options.option(
      "stale-while-revalidate", .duration, "TIME", "how long stale responses are served while they are refreshed",
      default: .zero)
    let ifError = options.option(
      "stale-if-error", .duration, "TIME", "how long stale responses are served when the origin fails", default: .zero)
    let refresh = options.option(
      "refresh-before", .duration, "TIME", "how long before they expire responses are refreshed", default: .zero)
    let jitter = options.option(
      "jitter", .integer(0...99), "PERCENT", "by how much lifetimes are shortened at random", default: 0)
    let override = options.flag("ignore-cache-control", "the times given here win over the response's own")
    let respectClient = options.flag(
      "respect-client-directives",
      "let clients demand an answer of the origin although a fresh one is stored (no-cache, max-age, min-fresh, Pragma); "
        + "otherwise only their no-store, only-if-cached and max-stale are followed")
    let ignoreClient = options.flag(
      "ignore-client-directives", "the default, for a command line that says so; not with --respect-client-directives")
    let cookies = options.option(
      "cookies", .cookieHandling, "pass|ignore",
      "what --ttl and --negative-ttl mean for requests with cookies: pass them to the origin, or ignore the cookies and "
        + "give everybody the same", default: .pass)
    let ignoredCookies = options.option(
      "ignore-cookies", .cookieNames, "NAME[,NAME...]",
      "cookies that mean nothing, such as those of analytics: _ga,_ga_*; a name that ends in * is that of all that begin so"
    )
    let setCookie = options.option(
      "set-cookie", .setCookieHandling, "store|strip|refuse",
      "what becomes of responses with Set-Cookie: store, cookie and all, what has an explicit lifetime above zero and nothing "
        + "else (RFC 9111 section 7.3); strip, store them without the field; refuse, store none", default: .store)
    let softTimeout = options.option(
      "soft-timeout", .duration, "TIME", "how long a client waits when something stale may be served instead")
    let hardTimeout = options.option("hard-timeout", .duration, "TIME", "how long the origin has to begin its answer")
    let waitLimit = options.option(
      "wait-limit", .duration, "TIME", "how long a request waits for another's call", default: .seconds(10))
    let host = options.flag("preserve-host", "pass the client's Host on instead of the origin's")
    let trusted = options.option(
      "trusted-proxies", .trustedProxies, "ADDRESS[/BITS][,...]",
      "who is believed about the client's address, host and scheme (X-Forwarded-For and the like), by IPv4 or IPv6 address, "
        + "or: loopback, unix; such a proxy must set these fields, not pass them on", default: .none)
    let hosts = options.option(
      "hosts", .hosts, "NAME[,...]",
      "the hosts that are answered for; others get 421, and nothing of them is stored: example.org, *.example.org (all below), "
        + "example.org:8080 (else: port 80 or 443, and that of --listen)", default: .any)
    let underscores = options.flag(
      "allow-underscores",
      "pass on fields of requests with _ in their names, which CGI takes for -; else they are dropped")
    let trace = options.flag("allow-trace", "forward TRACE, without credentials, instead of answering 405")
    let trailers = options.option(
      "trailers", .trailers, "NAME[,...]",
      "trailer fields that are passed on beside digests, signatures, Server-Timing and gRPC's; x-mine-* for all that begin so",
      default: .standard)
    let name = options.option(
      "name", .text, "NAME", "the proxy's name in Via and Cache-Status", default: "swift-http-cache")
    let connections = ConnectionOptions(declaringIn: &options)
    let log = options.flag("log", "print one line for each request")
    let quiet = options.flag("quiet", "print nothing else")
    let values = options.parseOrExit()
    guard values[origin] != nil || values[demo] else {
      options.exit(withMistake: "--origin URL is missing; --demo brings an origin along")
    }

    guard !(values[respectClient] && values[ignoreClient]) else {
      options.exit(withMistake: "--respect-client-directives and --ignore-client-directives say the opposite; give one")
    }
    guard values[lease] == nil || values[backend].isShared else {
      options.exit(withMistake: "--origin-lease is for proxies that share a store; memory is for one alone")
    }

    var policy = CachePolicy(timeToLive: values[timeToLive], negativeTimeToLive: values[negative])
    policy.staleWhileRevalidate = values[revalidate]
    policy.staleIfError = values[ifError]
    policy.refreshBeforeExpiration = values[refresh]
    policy.lifetimeJitter = Double(values[jitter]) / 100
    policy.respectsCacheControl = !values[override]
    policy.respectsRequestDirectives = values[respectClient]
    policy.cookies =
      values[cookies] == .ignore
      ? .nonePersonal : values[ignoredCookies].map { .personal(except: $0) } ?? .allPersonal
    policy.setCookies = values[setCookie].rule
    if let origin = values[origin] { policy.ownAuthorities = [origin.authority] }
    policy.maximumBodySize = values[maximumBody]
    policy.softTimeout = values[softTimeout]
    policy.hardTimeout = values[hardTimeout]
    policy.waitLimit = values[waitLimit]
    policy.originLease = values[lease]
    var server = HTTPServer.Configuration(host: values[listen].host, port: values[listen].port)
    var client = UpstreamClient.Configuration()
    connections.apply(values, to: &server, &client)
    return Settings(
      origin: values[demo] ? nil : values[origin], listen: values[listen],
      threads: values[threads], backend: values[backend], namespace: values[namespace],
      tiers: TierConfiguration(nearTimeToLive: values[nearTime]), watchesKeys: values[watches],
      capacity: values[capacity], name: values[name],
      policy: policy, server: server, client: client, preservesHost: values[host], trustedProxies: values[trusted],
      hosts: values[hosts], allowsUnderscores: values[underscores], allowsTrace: values[trace],
      trailers: values[trailers],
      logs: values[log], isQuiet: values[quiet])
  }
}
