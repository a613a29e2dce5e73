//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9111 §4, §5.2.1: reuse")
  struct Reuse {
    /// Fresh for 100 s, then 20 s of stale-while-revalidate, 50 s of stale-if-error; 10 s old when it came.
    static let times = EntryTimes(
      birth: Sample.after(-10), receivedAt: Sample.now, freshUntil: Sample.after(100),
      staleWhileRevalidateUntil: Sample.after(120), staleIfErrorUntil: Sample.after(150),
      reclaimAt: Sample.after(1000))
    /// The same without windows.
    static let plain = EntryTimes(
      birth: Sample.after(-10), receivedAt: Sample.now, freshUntil: Sample.after(100),
      staleWhileRevalidateUntil: Sample.after(100), staleIfErrorUntil: Sample.after(100),
      reclaimAt: Sample.after(1000))

    static func verdict(
      _ directives: String = "", at seconds: Int64, traits: EntryTraits = [], times: EntryTimes = times,
      rules: CachingRules = CachingRules()
    ) -> Verdict {
      let lines = directives.isEmpty ? [] : ["Cache-Control: \(directives)"]
      return RFC9111.verdict(
        times: times, traits: traits, directives: RequestDirectives(Sample.fields(lines)), now: Sample.after(seconds),
        rules: rules)
    }

    @Test(
      "without directives",
      arguments: [
        (0, Verdict.serve), (99, .serve), (100, .serveStaleAndRevalidate), (119, .serveStaleAndRevalidate),
        (120, .validate(.stale)), (500, .validate(.stale)), (-50, .serve),
      ] as [(Int64, Verdict)])
    func undemanding(seconds: Int64, verdict: Verdict) {
      #expect(Self.verdict(at: seconds) == verdict)
      #expect(Self.verdict("foo, no-transform", at: seconds) == verdict)
      #expect(Self.verdict(at: seconds, traits: .alwaysValidate) == .validate(.stale))
    }

    @Test(
      "with directives",
      arguments: [
        ("no-cache", 0, Verdict.validate(.request)), ("no-cache", 500, .validate(.stale)),
        ("no-store", 0, .serve), ("only-if-cached", 0, .serve), ("only-if-cached", 500, .validate(.stale)),
        ("max-age=0", -10, .validate(.request)), ("max-age=0", 0, .validate(.request)), ("max-age=10", 0, .serve),
        ("max-age=10", 1, .validate(.request)), ("max-age=200", 99, .serve), ("max-age=200", 100, .validate(.stale)),
        ("max-age=200, max-stale", 130, .serveStale(.maxStale)), ("max-age=100, max-stale", 130, .validate(.stale)),
        ("min-fresh=50", 50, .serve), ("min-fresh=50", 51, .validate(.request)), ("min-fresh=0", 99, .serve),
        ("min-fresh=1", 110, .validate(.stale)),
        ("max-stale", 130, .serveStale(.maxStale)), ("max-stale=30", 130, .serveStale(.maxStale)),
        ("max-stale=30", 131, .validate(.stale)), ("max-stale=0", 130, .validate(.stale)),
        ("max-stale=99999999999", 999, .serveStale(.maxStale)),
        ("max-stale", 110, .serveStaleAndRevalidate), ("max-stale=5", 110, .serveStaleAndRevalidate),
      ] as [(String, Int64, Verdict)])
    func demanding(directives: String, seconds: Int64, verdict: Verdict) {
      #expect(Self.verdict(directives, at: seconds) == verdict)
    }

    @Test func demandsMayBeIgnored() {
      var rules = CachingRules()
      rules.respectsRequestDirectives = false
      for demand in ["no-cache", "max-age=0", "min-fresh=1000"] {
        #expect(Self.verdict(demand, at: 50, rules: rules) == .serve)
      }
      // What the client permits concerns nobody else.
      #expect(Self.verdict("max-stale", at: 130, rules: rules) == .serveStale(.maxStale))
      #expect(Self.verdict("max-stale, no-cache", at: 130, rules: rules) == .serveStale(.maxStale))
    }

    @Test("§4.2.4: no patience of the client's where the origin forbids")
    func mustRevalidate() {
      #expect(Self.verdict("max-stale", at: 130, traits: .mustRevalidate, times: Self.plain) == .validate(.stale))
      #expect(Self.verdict("max-stale", at: 130, traits: .alwaysValidate) == .validate(.stale))
    }

    @Test("RFC 8246: immutable")
    func immutable() {
      #expect(Self.verdict("max-age=0", at: 50, traits: .immutable) == .serve)
      #expect(Self.verdict("no-cache", at: 50, traits: .immutable) == .validate(.request))
      #expect(Self.verdict("max-age=0", at: 130, traits: .immutable) == .validate(.stale))
      #expect(Self.verdict("min-fresh=60", at: 50, traits: .immutable) == .validate(.request))
    }

    @Test func refreshingAheadOfTime() {
      var rules = CachingRules()
      rules.refreshBeforeExpiration = .seconds(10)
      #expect(Self.verdict(at: 89, rules: rules) == .serve)
      #expect(Self.verdict(at: 90, rules: rules) == .serveAndRefresh)
      #expect(Self.verdict("min-fresh=1", at: 90, rules: rules) == .serveAndRefresh)
      #expect(Self.verdict(at: 100, rules: rules) == .serveStaleAndRevalidate)
    }

    @Test(
      "RFC 5861 §4: when the origin fails",
      arguments: [
        ("", 50, true), ("", 149, true), ("", 150, false), ("no-cache", 50, false), ("max-age=0", 140, true),
        ("stale-if-error=100", 199, true), ("stale-if-error=100", 200, false),
      ] as [(String, Int64, Bool)])
    func onError(directives: String, seconds: Int64, isAllowed: Bool) {
      let lines = directives.isEmpty ? [] : ["Cache-Control: \(directives)"]
      let directives = RequestDirectives(Sample.fields(lines))
      func mayServe(_ traits: EntryTraits) -> Bool {
        RFC9111.mayServeOnError(
          times: Self.times, traits: traits, directives: directives, now: Sample.after(seconds), rules: CachingRules())
      }
      #expect(mayServe([]) == isAllowed)
      #expect(!mayServe(.alwaysValidate))
      if seconds >= 150 || directives.staleIfError != nil { #expect(!mayServe(.mustRevalidate)) }
    }

    @Test(
      "§4.2.4: when the origin cannot be asked",
      arguments: [
        ("", 50, [], true), ("", 500, [], true), ("", 500, .mustRevalidate, false), ("", 50, .mustRevalidate, true),
        ("", 50, .alwaysValidate, false), ("no-cache", 50, [], false), ("max-age=5", 500, [], false),
        ("min-fresh=5", 500, [], false), ("max-stale", 500, [], true), ("max-stale=10", 500, [], false),
        ("max-age=5, max-stale=999", 500, [], true), ("max-age=0", 50, [], true),
      ] as [(String, Int64, EntryTraits, Bool)])
    func disconnected(directives: String, seconds: Int64, traits: EntryTraits, isAllowed: Bool) {
      let lines = directives.isEmpty ? [] : ["Cache-Control: \(directives)"]
      #expect(
        RFC9111.mayServeUnvalidated(
          times: Self.plain, traits: traits, directives: RequestDirectives(Sample.fields(lines)),
          now: Sample.after(seconds)) == isAllowed)
    }
  }
}
