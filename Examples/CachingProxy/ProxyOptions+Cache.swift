//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleBackends
import ExampleSupport
import HTTPCache

extension ProxyOptions {
  mutating func declareStores() {
    options.beginSection("Where responses are kept")
    set(
      \.backend, "backend", .backend, "STORE[,STORE]",
      "memory, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], unix:///PATH (Redis), "
        + "memcached://HOST[:PORT][,HOST[:PORT]...]; two for a near tier and a far one: memory,redis://127.0.0.1:6379")
    set(
      \.namespace, "namespace", .text, "NAME",
      "what keys in Redis or memcached begin with; different for each site that shares one")
    option(
      "near-ttl", .duration(atLeast: .milliseconds(1)), "TIME",
      "how long the near tier is used without asking the far one; at least 1ms",
      defaultText: OptionKind<Duration>.duration.text(of: Settings().tiers.nearTimeToLive)
    ) { value, settings throws(CommandLineError) in
      guard let value else { return }
      guard settings.backend.hasTiers else {
        throw CommandLineError(
          "--near-ttl is for a near tier before a far one: add --backend memory,redis://HOST:PORT, or leave it out")
      }
      settings.tiers.nearTimeToLive = value
    }
    set(
      \.watchesKeys, "watch-keys",
      "with a near tier before Redis: drop copies of what others, such as redis-cli, write or remove there")
    set(
      \.policy.originLease, "origin-lease", .duration(atLeast: .milliseconds(1)), "TIME",
      "let one of the proxies that share Redis or memcached ask the origin at a time, for so long at most")
    set(\.capacity, "capacity", .byteSize(1...(1 << 50)), "SIZE", "how much memory responses may take")
    set(
      \.policy.maximumBodySize, "maximum-body", .byteSize, "SIZE",
      "the largest body that is stored; larger ones are passed on (detail=too-large)")
    apply { _, settings throws(CommandLineError) in
      guard settings.policy.originLease == nil || settings.backend.isShared else {
        throw CommandLineError(
          "--origin-lease is for proxies that share a store; memory is for one alone: add --backend redis://HOST:PORT")
      }
      guard settings.namespace == nil || settings.backend.isShared else {
        throw CommandLineError(
          "--namespace is for keys in Redis or memcached: add --backend redis://HOST:PORT, or leave it out")
      }
      guard !settings.watchesKeys || settings.backend.hasNearTierBeforeRedis else {
        throw CommandLineError(
          "--watch-keys is for a near tier before Redis: add --backend memory,redis://HOST:PORT, or leave it out")
      }
    }
  }

  mutating func declareLifetimes() {
    options.beginSection("How long responses are used")
    set(
      \.policy.timeToLive, "ttl", .duration, "TIME",
      "how long a success is fresh that does not say so itself (by default: a tenth of its age, by its Last-Modified)")
    set(\.policy.negativeTimeToLive, "negative-ttl", .duration, "TIME", "the same for 404, 405, 410, 414 and 501")
    set(
      \.policy.staleWhileRevalidate, "stale-while-revalidate", .duration, "TIME",
      "how long past its lifetime a response is served while it is refreshed; the response's own "
        + "stale-while-revalidate counts instead; none for must-revalidate, proxy-revalidate, s-maxage, no-cache, and what was "
        + "already expired when it came (max-age=0)"
    )
    set(
      \.policy.staleIfError, "stale-if-error", .duration, "TIME",
      "how long past its lifetime a response is served when the origin fails (500, 502, 503, 504, no answer); the response's "
        + "own stale-if-error counts instead; none for the same responses")
    set(
      \.policy.refreshBeforeExpiration, "refresh-before", .duration, "TIME",
      "how long before it expires a response that is asked for is refreshed; shorter than --ttl")
    let jitter = options.option(
      "jitter", .integer(0...99), "PERCENT", "by how much lifetimes are shortened at random", default: 0)
    let override = options.flag(
      "ignore-cache-control",
      "use --ttl, --negative-ttl, --stale-while-revalidate and --stale-if-error in place of the response's own times; "
        + "no-store, no-cache and private still hold")
    let respect = options.flag(
      "respect-client-directives",
      "let clients demand an answer of the origin although a fresh one is stored (no-cache, max-age, min-fresh, Pragma); "
        + "otherwise only their no-store, only-if-cached and max-stale are followed")
    let ignore = options.flag(
      "ignore-client-directives",
      "the default, for a command line that says so; not with --respect-client-directives")
    apply { values, settings throws(CommandLineError) in
      settings.policy.lifetimeJitter = Double(values[jitter]) / 100
      settings.policy.respectsCacheControl = !values[override]
      settings.policy.respectsRequestDirectives = values[respect]
      let policy = settings.policy
      guard
        !values[override] || policy.timeToLive != nil || policy.negativeTimeToLive != nil
          || policy.staleWhileRevalidate > .zero || policy.staleIfError > .zero
      else {
        throw CommandLineError(
          "--ignore-cache-control needs a time to use instead: add --ttl, --negative-ttl, --stale-while-revalidate or "
            + "--stale-if-error")
      }
      let kind = OptionKind<Duration>.duration
      if let lifetime = policy.timeToLive, lifetime > .zero, policy.refreshBeforeExpiration >= lifetime {
        throw CommandLineError(
          "--refresh-before \(kind.text(of: policy.refreshBeforeExpiration)) is not shorter than --ttl "
            + "\(kind.text(of: lifetime)): every use would be a reason to refresh; make it shorter")
      }
      guard !(values[respect] && values[ignore]) else {
        throw CommandLineError(
          "--respect-client-directives and --ignore-client-directives say the opposite; give one")
      }
    }
  }

  mutating func declareCookies() {
    options.beginSection("Cookies and Authorization")
    let handling = options.option(
      "cookies", .cookieHandling, "pass|ignore",
      "requests with cookies where only --ttl or --negative-ttl give the response a lifetime: pass them to the origin "
        + "(detail=cookie), or ignore the cookies and give everybody the same response; requests with Authorization are "
        + "always passed then (detail=authorization)", default: .pass)
    let ignored = options.option(
      "ignore-cookies", .cookieNames, "NAME[,NAME...]",
      "with --cookies pass: cookies that mean nothing, such as those of analytics: _ga,_ga_*; a name that ends in * is that "
        + "of all that begin so")
    let setCookie = options.option(
      "set-cookie", .setCookieHandling, "store|strip|refuse",
      "responses with Set-Cookie: store, cookie and all, what has an explicit lifetime above zero and nothing else (RFC "
        + "9111 section 7.3); strip, store what has one, or --ttl, without the cookie, which only the client that caused the "
        + "call gets; refuse, store none", default: .store)
    apply { values, settings throws(CommandLineError) in
      guard values[handling] == .pass || values[ignored] == nil else {
        throw CommandLineError(
          "--cookies ignore ignores all cookies; leave out --ignore-cookies, or say --cookies pass")
      }
      settings.policy.cookies =
        values[handling] == .ignore
        ? .nonePersonal : values[ignored].map { .personal(except: $0) } ?? .allPersonal
      settings.policy.setCookies = values[setCookie].rule
    }
  }
}
