//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

@Suite struct CachePolicyTests {
  private typealias Change = @Sendable (inout CachePolicy) -> Void

  private static let nonsense: [(String, Change)] = [
    ("timeToLive", { $0.timeToLive = .seconds(-1) }),
    ("negativeTimeToLive", { $0.negativeTimeToLive = .milliseconds(-1) }),
    ("timeToLiveByStatus[404]", { $0.timeToLiveByStatus = [404: .seconds(-5)] }),
    ("timeToLiveByStatus has 99", { $0.timeToLiveByStatus = [99: .seconds(5)] }),
    ("staleWhileRevalidate", { $0.staleWhileRevalidate = .seconds(-1) }),
    ("staleIfError", { $0.staleIfError = .seconds(-1) }),
    ("refreshBeforeExpiration", { $0.refreshBeforeExpiration = .seconds(-1) }),
    ("keepsForValidation", { $0.keepsForValidation = .seconds(-1) }),
    ("lifetimeJitter", { $0.lifetimeJitter = 1 }),
    ("lifetimeJitter", { $0.lifetimeJitter = -.infinity }),
    ("lifetimeJitter", { $0.lifetimeJitter = .nan }),
    ("minimumBodySize", { $0.minimumBodySize = -1 }),
    ("maximumBodySize", { $0.maximumBodySize = -1 }),
    ("nothing could be stored", { ($0.minimumBodySize, $0.maximumBodySize) = (10, 9) }),
    ("softTimeout", { $0.softTimeout = .zero }),
    ("hardTimeout", { $0.hardTimeout = .seconds(-1) }),
    ("never have an effect", { ($0.softTimeout, $0.hardTimeout) = (.seconds(5), .seconds(5)) }),
    ("waitLimit", { $0.waitLimit = .seconds(-1) }),
    ("retryInterval", { $0.retryInterval = .seconds(-1) }),
    ("uncacheableTimeToLive", { $0.uncacheableTimeToLive = .seconds(-1) }),
    ("streamWindow", { $0.streamWindow = 10 }),
  ]

  @Test(arguments: nonsense.indices)
  func `nonsense is refused at init, with an error that names it`(index: Int) throws {
    let (name, change) = Self.nonsense[index]
    var policy = CachePolicy()
    change(&policy)
    let error = #expect(throws: CacheConfigurationError.self) { try Fixture(policy) }
    #expect(error?.message.contains(name) == true, "\(error?.message ?? "")")
  }

  @Test func `a route's nonsense is refused too`() {
    #expect(throws: CacheConfigurationError.self) {
      try Fixture(
        PolicyRouter(default: CachePolicy(), routes: [.prefix("/a", CachePolicy(timeToLive: .seconds(-1)))]))
    }
  }

  @Test(
    arguments: [
      ("/api/x", 5), ("/exact", 7), ("/exact?query", 7), ("/exact/below", 60), ("/", 60), ("/preview", nil),
    ] as [(String, Int?)])
  func `the first route that matches decides`(target: String, lifetime: Int?) async throws {
    let fixture = try Fixture(
      PolicyRouter(
        default: CachePolicy(timeToLive: .seconds(60)),
        routes: [
          .prefix("/api/", CachePolicy(timeToLive: .seconds(5))), .path("/exact", CachePolicy(timeToLive: .seconds(7))),
          .matching({ $0.target == "/preview" }, nil),
        ]))
    let service = CountingOrigin().layer(fixture.cache)
    #expect(try await service.call(.get(target)).text() == "answer 1")
    guard let lifetime else {
      let second = try await service.call(.get(target))
      #expect(second.outcome == .bypass(.policy))
      return
    }
    fixture.advance(lifetime - 1)
    #expect(try await service.call(.get(target)).outcome == .hit)
    fixture.advance(1)
    #expect(try await service.call(.get(target)).text() == "answer 2")
  }

  @Test(
    arguments: [
      (KeyExtractor.resource, "http://a.com/x?1", "http://b.com/x?1", false),
      (.resource, "http://a.com/x?1", "https://a.com/x?1", false),
      (.resource, "http://a.com/x?1", "http://a.com/x?2", false),
      (.resource, "http://a.com/x?1", "http://A.com:80/x?1", true),
      (.pathAndQuery, "http://a.com/x?1", "https://b.com/x?1", true),
      (.pathAndQuery, "http://a.com/x?1", "http://a.com/x?2", false),
      (.path, "http://a.com/x?1", "http://b.com/x?2", true),
      (.path, "http://a.com/x", "http://a.com/y", false),
      (.custom { $0.fields["Tenant"] }, "http://a.com/x", "http://a.com/y", nil),
    ] as [(KeyExtractor, String, String, Bool?)])
  func `key extractors`(extractor: KeyExtractor, first: String, second: String, isSame: Bool?) throws {
    func key(_ url: String) -> CacheKey? {
      let parts = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
      let request = CacheRequest(
        scheme: String(parts[0].dropLast()), authority: String(parts[1]), target: "/\(parts[2])")
      return extractor.key(for: request)
    }
    guard let isSame else {
      #expect(key(first) == nil)
      return
    }
    #expect((key(first) == key(second)) == isSame)
    #expect((key(first)?.text == key(second)?.text) == isSame)
  }
}
