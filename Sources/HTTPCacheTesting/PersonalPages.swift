//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// Groups of users who ask for the same pages at the same time, through any caches, of an origin that makes a page for each
/// user and says in many ways whether another may have it. Checks that nobody gets a page or a cookie that was made for
/// another unless the origin allowed that, and that the origin is not asked more often than it has to be.
package struct PersonalPages: Sendable {
  /// A kind of page.
  private struct Kind {
    var fields: HeaderFields
    /// Whether any user may have what was made for another, who had no credentials.
    var isShared = false
    /// Whether a user without a cookie may have what was made for nobody.
    var isSharedWithoutCookie = false
    /// Whether any user may have what was made for another, also with credentials.
    var isPublic = false
    /// Whether it is stale from the beginning, so that each use asks for a refresh.
    var isStale = false
  }

  private static let kinds: [Kind] = [
    Kind(fields: ["Cache-Control": "no-cache"]),
    Kind(fields: ["Cache-Control": "public, no-cache, max-age=600"]),
    Kind(fields: ["Cache-Control": "max-age=0, must-revalidate"]),
    Kind(fields: ["Cache-Control": "s-maxage=0"]),
    Kind(fields: ["Cache-Control": "max-age=60", "Age": "60"]),
    Kind(fields: ["Expires": "0"]),
    Kind(fields: ["Expires": "Thu, 19 Nov 1981 08:52:00 GMT"]),
    Kind(fields: ["Cache-Control": "private, max-age=60"]),
    Kind(fields: ["Cache-Control": "no-store"]),
    Kind(fields: ["Cache-Control": "max-age=60", "Vary": "Cookie"], isSharedWithoutCookie: true),
    Kind(fields: ["Cache-Control": "no-cache", "Vary": "Cookie"]),
    Kind(fields: ["Cache-Control": "max-age=60", "Vary": "*"]),
    Kind(fields: [:]),
    Kind(fields: ["Cache-Control": "must-revalidate"]),
    Kind(fields: ["Cache-Control": "max-age=60"], isShared: true),
    Kind(fields: ["Cache-Control": "public, max-age=60"], isShared: true, isPublic: true),
    Kind(fields: ["Cache-Control": "max-age=0, stale-while-revalidate=60"], isShared: true, isStale: true),
  ]

  /// A user's way to ask.
  private struct Manner {
    var method = RequestMethod.get
    /// Whether the user is known by credentials instead of a cookie.
    var isAuthorized = false
    /// Whether all octets but the first are asked for.
    var isPart = false
    /// A directive of the request.
    var demand: String?

    /// Whether the origin may have to be asked for this request alone.
    var isSpecial: Bool { method != .get || isAuthorized || isPart || demand != nil }

    init(using random: inout SplitMix64) {
      demand = [nil, nil, nil, "no-cache", "max-age=0"][Int.random(in: 0..<5, using: &random)]
      switch Int.random(in: 0..<12, using: &random) {
      case 0: method = .head
      case 1: isPart = true
      case 2, 3: isAuthorized = true
      default: break
      }
    }

    /// The user's name in pages: that with credentials is another.
    func name(of user: Int) -> String { isAuthorized ? "a\(user)" : "\(user)" }

    func request(of user: Int, for target: String) -> CacheRequest {
      let name = name(of: user)
      var fields: HeaderFields = ["X-User": name]
      if isAuthorized { fields.append("Authorization", "Bearer \(user)") } else { fields.append("Cookie", "u=\(user)") }
      if isPart { fields.append("Range", "bytes=1-") }
      if let demand { fields.append(HeaderName.cacheControl, demand) }
      return CacheRequest(method: method, authority: "example.com", target: target, fields: fields)
    }
  }

  /// The maker of the pages, which knows how often it has been asked.
  private final class Origin: Service {
    private let seed: UInt64
    let counts = Locked<(calls: Int, failures: Int, neutral: Int)>((0, 0, 0))

    init(seed: UInt64) { self.seed = seed }

    func call(_ request: CacheRequest) async throws -> CacheResponse {
      let number = counts.withLock { counts in
        counts.calls += 1
        if request.fields["X-User"] == nil { counts.neutral += 1 }
        return counts.calls
      }
      var random = SplitMix64(seed: seed &+ UInt64(number) &* 0x1_0001)
      for _ in 0..<Int.random(in: 0...40, using: &random) { await Task.yield() }
      if Int.random(in: 0..<40, using: &random) == 0 {
        counts.withLock { $0.failures += 1 }
        throw CacheError(.unavailable, "the origin has failed")
      }
      let user = request.fields["X-User"] ?? "nobody"
      let kind = PersonalPages.kinds[PersonalPages.kindNumber(request.target)]
      var fields = kind.fields
      fields.append(HeaderName.etag, "\"\(user)\"")
      if !kind.isShared { fields.append(HeaderName.setCookie, "sid=\(user)") }
      if request.fields[.ifNoneMatch] == "\"\(user)\"" { return CacheResponse(status: 304, fields: fields) }
      let text = Bytes("\(request.target) for \(user)")
      if request.fields["Range"] == "bytes=1-", Bool.random(using: &random) {
        fields.append("Content-Range", "bytes 1-\(text.count - 1)/\(text.count)")
        return CacheResponse(status: 206, fields: fields, body: Body(text.slice(1..<text.count)))
      }
      if request.method == .head { return CacheResponse(fields: fields) }
      guard Bool.random(using: &random) else { return CacheResponse(fields: fields, body: Body(text)) }
      let channel = BodyChannel()
      let pauses = (0..<2).map { _ in Int.random(in: 0...40, using: &random) }
      Task {
        for (pause, piece) in zip(pauses, [text.slice(0..<4), text.slice(4..<text.count)]) {
          for _ in 0..<pause { await Task.yield() }
          _ = await channel.write(piece)
        }
        channel.finish()
      }
      return CacheResponse(fields: fields, body: channel.body)
    }
  }

  private static func kindNumber(_ target: String) -> Int {
    Int(target.split(separator: "/").last ?? "") ?? 0
  }

  /// Lets users ask.
  ///
  /// - Parameters:
  ///   - caches: What they ask through, each one any of these.
  ///   - seed: Decides who asks what. When the tasks run, nobody decides.
  ///   - isSharing: Whether the store never fails, so that what may be shared is.
  ///   - rounds: How many groups of users there are, one after the other. Each asks for a page of its own, of the next kind.
  /// - Returns: What has gone wrong, in words.
  package static func violations(
    _ caches: [CacheLayer], seed: UInt64, isSharing: Bool = false, rounds: Int
  ) async -> [String] {
    var random = SplitMix64(seed: seed)
    var violations: [String] = []
    for round in 0..<rounds {
      let kind = round % kinds.count
      let origin = Origin(seed: random.next())
      let target = "/\(seed)/\(round)/\(kind)"
      let userCount = Int.random(in: 2...20, using: &random)
      var requestCount = 0
      let specialCount = Locked(0)
      await withTaskGroup(of: [String].self) { group in
        for user in 0..<userCount {
          let cache = caches[Int.random(in: 0..<caches.count, using: &random)]
          let count = Int.random(in: 1...3, using: &random)
          requestCount += count
          var own = SplitMix64(seed: random.next())
          group.addTask {
            var found: [String] = []
            for _ in 0..<count {
              for _ in 0..<Int.random(in: 0...60, using: &own) { await Task.yield() }
              let manner = Manner(using: &own)
              if manner.isSpecial { specialCount.withLock { $0 += 1 } }
              if let text = await violation(origin.layer(cache), user: user, target: target, kind: kind, manner) {
                found.append(text)
              }
            }
            return found
          }
        }
        for await found in group { violations += found }
      }
      let (calls, failures, neutral) = origin.counts.withLock { $0 }
      // A call for all, in place of one that is slow, may turn out to be for nobody.
      if calls > requestCount + failures + (kinds[kind].isStale ? 0 : neutral) {
        violations.append("\(target): \(calls) calls for \(requestCount) requests and \(failures) failures")
      }
      // What all may have is fetched once by each cache, and once for each failure and each request that is not like others.
      let allowed = caches.count + specialCount.withLock { $0 } + 2 * failures + neutral
      if isSharing, kinds[kind].isShared, !kinds[kind].isStale, calls > allowed {
        violations.append("\(target): \(calls) calls where \(allowed) would do")
      }
    }
    return violations
  }

  /// One request; what is wrong with its response, if anything is.
  private static func violation(
    _ service: some Service<CacheRequest, CacheResponse>, user: Int, target: String, kind: Int, _ manner: Manner
  ) async -> String? {
    // A call that fails is one of the origin's, and no answer of another's.
    guard let response = try? await service.call(manner.request(of: user, for: target)),
      let body = try? await response.body.collect()
    else { return nil }
    let own = manner.name(of: user)
    // The validator names the user for whom a page was made, also where there is no content.
    let name = response.fields["ETag"].map { $0.filter { $0 != "\"" } } ?? ""
    func wrong(_ what: some Any) -> String { "\(target), \(manner): \(own) got \(what)" }

    let whole = "\(target) for \(name)"
    switch (manner.method, response.status) {
    case (.head, 200): if !body.isEmpty { return wrong("content to HEAD") }
    case (.get, 200): if body != Bytes(whole) { return wrong(String(decoding: body, as: UTF8.self)) }
    case (.get, 206):
      if !manner.isPart || body != Bytes(String(whole.dropFirst())) {
        return wrong(String(decoding: body, as: UTF8.self))
      }
    default: return wrong(response.status)
    }
    guard name != own else {
      let cookies = response.fields.values(of: .setCookie)
      return cookies.allSatisfy { $0 == "sid=\(own)" } ? nil : wrong(cookies)
    }
    if kinds[kind].isSharedWithoutCookie, manner.isAuthorized, name == "nobody" { return nil }
    // A failure of the origin, or a late answer, may be replaced by what is fresh, unless the client says no-cache.
    let isForFailure =
      manner.demand == "max-age=0" && [.stale(.ifError), .stale(.softTimeout)].contains(response.outcome)
    guard kinds[kind].isShared, manner.demand == nil || isForFailure, kinds[kind].isPublic || !name.hasPrefix("a")
    else {
      return wrong("the page of \(name)")
    }
    return nil
  }
}
