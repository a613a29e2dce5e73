//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9111 §4.2: freshness")
  struct FreshnessLifetimes {
    @Test(
      "§4.2.1: which lifetime counts",
      arguments: [
        (["Cache-Control: max-age=60"], 60), (["Cache-Control: s-maxage=10, max-age=60"], 10),
        (["Cache-Control: max-age=10, s-maxage=60"], 60), (["Cache-Control: max-age=60", "Expires: 0"], 60),
        (["Cache-Control: max-age=60", "Expires: \(Sample.date(999))"], 60), (["Expires: \(Sample.date(60))"], 60),
        (["Expires: \(Sample.date(60))", "Date: \(Sample.date(0))"], 60),
        (["Expires: \(Sample.date(60))", "Date: foo"], 60),
        // A clock that is ahead: what counts is the difference (and it is not the cache's place to correct Date).
        (["Expires: \(Sample.date(160))", "Date: \(Sample.date(100))"], 60),
        // Behind: the difference again, less the apparent age.
        (["Expires: \(Sample.date(60))", "Date: \(Sample.date(-40))"], 60),
        (["Expires: Sun, 21 Nov 2286 04:46:39 GMT"], 2_147_483_648),
        (["Expires: Fri, 31 Dec 9999 23:59:59 GMT"], 2_147_483_648),
      ] as [([String], Int64)])
    func lifetime(lines: [String], seconds: Int64) {
      #expect(Sample.freshSeconds(lines) == seconds)
    }

    @Test(
      "§4.2.1, §5.3: what is stale at once",
      arguments: [
        ["Cache-Control: max-age=0"], ["Cache-Control: max-age=0", "Expires: \(Sample.date(60))"],
        ["Cache-Control: s-maxage=0, max-age=60"], ["Cache-Control: max-age=foo", "Expires: \(Sample.date(60))"],
        ["Expires: 0"], ["Expires: -1"], ["Expires: \(Sample.date(0))"], ["Expires: \(Sample.date(-60))"],
        ["Expires: \(Sample.date(300))", "Date: \(Sample.date(400))"],
        ["Expires: Thu, 18 Aug 2050 2:01:18 GMT"], ["Expires: \(Sample.date(60))", "Expires: \(Sample.date(60))"],
        ["Expires: \(Sample.date(20))", "Date: \(Sample.date(10))", "Age: 15"],
        ["CDN-Cache-Control: max-age=0", "Cache-Control: max-age=60"],
        ["Cache-Control: max-age=3600", "Age: 2147483648"], ["Cache-Control: max-age=3600", "Age: 2147483649"],
        ["Cache-Control: max-age=3600", "Age: 99999999999999999999999"], ["Cache-Control: max-age=10", "Age: 7200, 0"],
        ["Cache-Control: max-age=10", "Date: \(Sample.date(-10))"],
      ])
    func stale(lines: [String]) throws {
      // With a validator it is worth storing all the same.
      let plan = try #require(Sample.storability(lines + ["ETag: \"a\""]).plan)
      #expect(plan.times.freshUntil <= Sample.now)
      #expect(Sample.storability(lines).refusal == .noLifetime)
    }

    @Test(
      "§4.2.2: heuristics",
      arguments: [
        (200, [], 100), (203, [], 100), (204, [], 100), (300, [], 100), (301, [], 100), (308, [], 100), (404, [], 100),
        (405, [], 100), (410, [], 100), (414, [], 100), (451, [], 100), (501, [], 100),
        (201, [], nil), (202, [], nil), (302, [], nil), (403, [], nil), (500, [], nil), (502, [], nil), (503, [], nil),
        (504, [], nil), (599, [], nil), (299, [], nil),
        (599, ["Cache-Control: public"], 100), (302, ["Cache-Control: public"], 100),
        (200, ["Cache-Control: max-age=7"], 7),
      ] as [(Int, [String], Int64?)])
    func heuristic(status: Int, lines: [String], seconds: Int64?) {
      let lines = lines + ["Last-Modified: \(Sample.date(-1000))", "Date: \(Sample.date())"]
      #expect(Sample.freshSeconds(lines, status: status) == seconds)
    }

    @Test(
      "§4.2.2: bounds of heuristics",
      arguments: [
        (-5, 0), (-30, 3), (-100, 10), (-864_000, 86_400), (-100_000_000, 86_400), (5, 0), (0, 0),
      ] as [(Int64, Int64)])
    func heuristicBounds(offset: Int64, seconds: Int64) {
      let lines = ["Last-Modified: \(Sample.date(offset))", "Date: \(Sample.date())", "ETag: \"a\""]
      #expect(Sample.freshSeconds(lines) == seconds)
      var rules = CachingRules()
      rules.usesHeuristics = false
      #expect(Sample.freshSeconds(lines, rules: rules) == 0)
    }

    @Test func policyFillsWhatTheResponseLeavesOpen() {
      var rules = CachingRules()
      rules.lifetime = { $0 == 200 ? .seconds(30) : nil }
      #expect(Sample.freshSeconds([], rules: rules) == 30)
      #expect(Sample.freshSeconds(["Cache-Control: max-age=5"], rules: rules) == 5)
      #expect(Sample.freshSeconds(["Last-Modified: \(Sample.date(-9999))"], rules: rules) == 30)
      #expect(Sample.storability([], status: 404, rules: rules).refusal == .noLifetime)
      // It counts from receipt: neither Age nor a wrong Date uses it up.
      #expect(Sample.freshSeconds(["Age: 100", "Date: \(Sample.date(-5000))"], rules: rules) == 30)
      rules.lifetime = { _ in .seconds(-5) }
      #expect(Sample.storability([], rules: rules).refusal == .noLifetime)
    }

    @Test func policyMayComeFirst() {
      var rules = CachingRules()
      rules.respectsResponseDirectives = false
      rules.lifetime = { $0 == 200 ? .seconds(30) : nil }
      #expect(Sample.freshSeconds(["Cache-Control: max-age=5"], rules: rules) == 30)
      #expect(Sample.freshSeconds(["Cache-Control: max-age=0"], rules: rules) == 30)
      #expect(Sample.freshSeconds(["Cache-Control: max-age=5"], status: 404, rules: rules) == 5)
      #expect(Sample.storability(["Cache-Control: no-store"], rules: rules).refusal == .noStore)
      #expect(Sample.storability(["Cache-Control: private"], rules: rules).refusal == .isPrivate)
      #expect(Sample.storability(["Cache-Control: no-cache"], rules: rules).refusal == .noLifetime)
    }

    @Test func lifetimesAreBoundedAndScaled() {
      var rules = CachingRules()
      rules.maximumLifetime = .seconds(100)
      #expect(Sample.freshSeconds(["Cache-Control: max-age=3600"], rules: rules) == 100)
      #expect(Sample.freshSeconds(["Cache-Control: max-age=36"], rules: rules) == 36)
      let lines = ["Cache-Control: max-age=100"]
      for (scale, seconds) in [(0.9, 90), (1, 100), (1.5, 100), (0, 0), (-1, 0), (.nan, 100), (.infinity, 100)] {
        let plan = Sample.storability(lines + ["ETag: x"], lifetimeScale: scale).plan
        #expect(plan?.times.remainingFreshness(at: Sample.now) == Int64(seconds))
      }
    }

    @Test(
      "RFC 5861: windows",
      arguments: [
        ("max-age=10, stale-while-revalidate=20, stale-if-error=30", 20, 30), ("max-age=10", 5, 6),
        ("max-age=10, stale-while-revalidate=0, stale-if-error=0", 0, 0),
        ("max-age=10, stale-while-revalidate=x", 0, 6),
        ("max-age=10, stale-while-revalidate=20, must-revalidate", 0, 0), ("max-age=10, must-revalidate", 0, 0),
        ("max-age=10, stale-if-error=20, proxy-revalidate", 0, 0),
        ("max-age=10, stale-while-revalidate=20, no-cache", 0, 0),
        ("s-maxage=10", 0, 0), ("s-maxage=10, stale-while-revalidate=20, stale-if-error=30", 20, 30),
      ])
    func windows(value: String, whileRevalidating: Int64, ifError: Int64) throws {
      var rules = CachingRules()
      rules.staleWhileRevalidate = .seconds(5)
      rules.staleIfError = .seconds(6)
      let times = try #require(Sample.storability(["Cache-Control: \(value)", "ETag: x"], rules: rules).plan).times
      #expect(times.freshUntil == Sample.after(10))
      #expect(times.staleWhileRevalidateUntil == Sample.after(10 + whileRevalidating))
      #expect(times.staleIfErrorUntil == Sample.after(10 + ifError))
      #expect(times.reclaimAt == Sample.after(10 + max(whileRevalidating, ifError) + 3600))
    }

    @Test func windowsOfThePolicyMayComeFirst() throws {
      var rules = CachingRules()
      rules.respectsResponseDirectives = false
      rules.staleWhileRevalidate = .seconds(5)
      let plan = try #require(
        Sample.storability(["Cache-Control: max-age=10, stale-while-revalidate=20, stale-if-error=7"], rules: rules)
          .plan)
      #expect(plan.times.staleWhileRevalidateUntil == Sample.after(15))
      #expect(plan.times.staleIfErrorUntil == Sample.after(17))
    }

    @Test func sharedMaxAgeMayForbidThem() throws {
      var rules = CachingRules()
      rules.staleExtensionsOverrideSharedMaxAge = false
      let plan = try #require(
        Sample.storability(["Cache-Control: s-maxage=10, stale-while-revalidate=20"], rules: rules).plan)
      #expect(plan.times.staleWhileRevalidateUntil == plan.times.freshUntil)
    }

    @Test func memoryIsReclaimedWhenNothingIsLeftToUse() throws {
      func reclaim(_ lines: String..., rules: CachingRules = CachingRules()) throws -> CacheInstant {
        try #require(Sample.storability(lines, rules: rules).plan).times.reclaimAt
      }
      #expect(try reclaim("Cache-Control: max-age=10") == Sample.after(10))
      #expect(try reclaim("Cache-Control: max-age=10", "ETag: x") == Sample.after(3610))
      // It was stale long before it came: it is kept from now on.
      #expect(try reclaim("Cache-Control: max-age=10", "Age: 9999", "ETag: x") == Sample.after(3600))
      var rules = CachingRules()
      rules.keepsForDisconnection = .seconds(7)
      #expect(try reclaim("Cache-Control: max-age=10", rules: rules) == Sample.after(17))
      #expect(try reclaim("Cache-Control: max-age=10, must-revalidate", rules: rules) == Sample.after(10))
      rules.keepsForValidation = .seconds(-5)
      #expect(try reclaim("Cache-Control: max-age=10, must-revalidate", "ETag: x", rules: rules) == Sample.after(10))
    }
  }

  @Suite("RFC 9111 §4.2.3, §5.1: age")
  struct Age {
    @Test(
      arguments: [
        ("0", 0), ("60", 60), ("0060", 60), ("2147483648", 2_147_483_648), ("99999999999999999999", 2_147_483_648),
        ("7200, 0", 7200), ("0, 7200", 0), (", 60", 60), ("-1", nil), ("7200.0", nil), ("abc", nil), ("", nil),
        ("60;a=b", nil),
        ("60 s", nil), ("\"60\"", nil), ("abc, 60", nil), ("+60", nil), ("0x10", nil),
      ] as [(String, Int64?)])
    func value(text: String, seconds: Int64?) {
      #expect(RFC9111.ageValue(of: Sample.fields("Age: \(text)")) == seconds)
    }

    @Test func firstOfSeveralLines() {
      #expect(RFC9111.ageValue(of: Sample.fields("Age: 0", "Age: 7200")) == 0)
      #expect(RFC9111.ageValue(of: Sample.fields("Age: 7200", "Age: 0")) == 7200)
      #expect(RFC9111.ageValue(of: Sample.fields("Server: x")) == nil)
    }

    @Test(
      "§4.2.3: the formula",
      arguments: [
        // Age, Date relative to exchange, response delay, corrected initial age
        (nil, nil, 0, 0), (10, nil, 0, 10), (10, 0, 3, 13), (10, -5, 0, 10), (10, -50, 3, 50), (nil, -50, 0, 50),
        (nil, 50, 0, 0), (nil, 50, 4, 4), (nil, nil, -4, 0), (2_147_483_648, nil, 1, 2_147_483_649),
      ] as [(Int64?, Int64?, Int64, Int64)])
    func correctedInitialAge(age: Int64?, date: Int64?, delay: Int64, expected: Int64) {
      var lines: [String] = []
      if let age { lines.append("Age: \(age)") }
      if let date { lines.append("Date: \(Sample.date(date))") }
      let exchange = ExchangeTimes(
        requestedAt: Sample.after(-delay), receivedAt: Sample.now, receivedUnix: Sample.unix)
      let fields = Sample.fields(lines)
      let result = RFC9111.correctedInitialAge(
        of: fields, date: RFC9111.dateValue(of: fields, known: .date, now: Sample.unix), exchange: exchange)
      #expect(result == expected * 1_000_000_000)
    }

    @Test func theRestOfTheSecondIsNoAge() {
      let exchange = ExchangeTimes(
        requestedAt: Sample.now, receivedAt: Sample.now,
        receivedUnix: UnixTime(milliseconds: Sample.unix.milliseconds + 999))
      let fields = Sample.fields("Date: \(Sample.date())")
      let date = RFC9111.dateValue(of: fields, known: .date, now: exchange.receivedUnix)
      #expect(date != nil)
      #expect(RFC9111.correctedInitialAge(of: fields, date: date, exchange: exchange) == 0)
    }

    @Test func ageGrowsWithTheClock() throws {
      let times = try #require(Sample.storability(["Cache-Control: max-age=60", "Age: 5"]).plan).times
      #expect(times.age(at: Sample.now) == 5)
      #expect(times.age(at: Sample.after(30)) == 35)
      #expect(times.remainingFreshness(at: Sample.after(30)) == 25)
    }

    @Test("nothing overflows, and the order of the moments holds, whatever comes")
    func properties() throws {
      var generator = SplitMix64(seed: 7)
      let extremes: [Int64] = [.min, .min + 1, -1, 0, 1, 1_000_000_000, .max / 2, .max - 1, .max]
      func instant() -> CacheInstant {
        let number = extremes.randomElement(using: &generator)!
        return CacheInstant(nanoseconds: Bool.random(using: &generator) ? number : Int64(bitPattern: generator.next()))
      }
      let numbers = ["0", "1", "60", "2147483647", "2147483648", "9999999999999999999999", "x", "-1"]
      func number() -> String { numbers.randomElement(using: &generator)! }
      let durations: [Duration] = [
        .zero, .seconds(1), .seconds(-1), .seconds(Int64.max), .seconds(Int64.min), .nanoseconds(1),
      ]
      for _ in 0..<5_000 {
        var rules = CachingRules()
        let lifetime = Bool.random(using: &generator) ? durations.randomElement(using: &generator) : nil
        rules.lifetime = { _ in lifetime }
        rules.staleIfError = durations.randomElement(using: &generator)!
        rules.staleWhileRevalidate = durations.randomElement(using: &generator)!
        rules.keepsForValidation = durations.randomElement(using: &generator)!
        rules.keepsForDisconnection = durations.randomElement(using: &generator)!
        rules.refreshBeforeExpiration = durations.randomElement(using: &generator)!
        rules.heuristicMaximum = durations.randomElement(using: &generator)!
        rules.maximumLifetime = Bool.random(using: &generator) ? durations.randomElement(using: &generator) : nil
        rules.heuristicFraction = [0, 0.1, 1, -1, .infinity, .nan, 1e300].randomElement(using: &generator)!
        let exchange = ExchangeTimes(
          requestedAt: instant(), receivedAt: instant(),
          receivedUnix: UnixTime(milliseconds: instant().nanoseconds))
        var lines = ["Age: \(number())", "ETag: x"]
        if Bool.random(using: &generator) {
          lines.append("Date: \(HTTPDate.format(UnixTime(seconds: instant().nanoseconds)))")
        }
        if Bool.random(using: &generator) {
          lines.append("Expires: \(HTTPDate.format(UnixTime(seconds: instant().nanoseconds)))")
        }
        if Bool.random(using: &generator) {
          lines.append("Last-Modified: \(HTTPDate.format(UnixTime(seconds: instant().nanoseconds)))")
        }
        if Bool.random(using: &generator) {
          lines.append("Cache-Control: max-age=\(number()), stale-if-error=\(number())")
        }
        if Bool.random(using: &generator) {
          lines.append("Cache-Control: s-maxage=\(number()), stale-while-revalidate=\(number())")
        }
        let scale = [0, 0.5, 1, 2, -1, .nan, .infinity].randomElement(using: &generator)!
        guard let plan = Sample.storability(lines, rules: rules, exchange: exchange, lifetimeScale: scale).plan else {
          continue
        }
        let times = plan.times
        #expect(times.birth <= times.receivedAt)
        #expect(times.freshUntil <= times.staleIfErrorUntil)
        #expect(times.freshUntil <= times.staleWhileRevalidateUntil)
        #expect(times.staleIfErrorUntil <= times.reclaimAt)
        #expect(times.staleWhileRevalidateUntil <= times.reclaimAt)
        #expect(times.receivedAt <= times.reclaimAt)
        let now = instant()
        #expect(times.age(at: now) >= 0)
        _ = times.remainingFreshness(at: now)
        let directives = RequestDirectives(
          Sample.fields("Cache-Control: max-age=\(number()), min-fresh=\(number()), max-stale=\(number())"))
        for directives in [.none, directives] {
          let verdict = RFC9111.verdict(
            times: times, traits: plan.traits, directives: directives, now: now, rules: rules)
          if verdict == .serve || verdict == .serveAndRefresh { #expect(now < times.freshUntil) }
          if verdict == .serveStaleAndRevalidate {
            #expect(now >= times.freshUntil && now < times.staleWhileRevalidateUntil)
          }
          if verdict == .serve || verdict == .serveStaleAndRevalidate {
            #expect(RFC9111.mayServeUnvalidated(times: times, traits: plan.traits, directives: .none, now: now))
          }
          _ = RFC9111.mayServeOnError(times: times, traits: plan.traits, directives: directives, now: now, rules: rules)
        }
      }
    }
  }
}
