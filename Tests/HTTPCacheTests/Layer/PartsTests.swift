//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Answers made of stored parts satisfy the request that has asked (RFC 9111 §3.3, §3.4; RFC 9110 §14, §15.3.7).
@Suite(.timeLimit(.minutes(2))) struct PartsTests {
  /// A hundred octets, each telling where it stands.
  static let whole = Bytes((0..<100).map { UInt8($0) })

  /// Departures from the usual of an origin that knows ranges.
  struct Origin: Sendable, CustomTestStringConvertible {
    var name = "usual"
    var length = 100
    var knowsLength = true
    var fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=60"]
    /// The octets that are sent, by those that were asked for, when the request has `If-Range` or begins behind 0.
    var sent: @Sendable (Range<Int>) -> Range<Int> = { $0 }
    var testDescription: String { name }

    func service(_ seen: Locked<[String]>) -> CountingOrigin {
      CountingOrigin { request, _ in
        seen.withLock { $0.append(request.fields[.range] ?? "-") }
        let whole = Bytes((0..<length).map { UInt8(truncatingIfNeeded: $0) })
        guard let set = RFC9110.rangeSet(of: request.fields),
          RFC9110.rangeApplies(request: request.fields, stored: fields),
          case .ranges(let ranges) = set.selection(length: length), ranges.count == 1, var range = ranges.first
        else { return CacheResponse(fields: fields, body: Body(whole)) }
        if request.fields.contains(KnownHeader.ifRange) || range.lowerBound > 0 { range = sent(range) }
        return CacheResponse(
          status: 206, fields: RFC9110.partialFields(of: fields, range: range, length: knowsLength ? length : nil),
          body: Body(whole.slice(range)))
      }
    }
  }

  static let origins: [Origin] = [
    Origin(),
    Origin(name: "of unknown length", knowsLength: false),
    Origin(name: "answers less", sent: { $0.lowerBound..<min($0.upperBound, $0.lowerBound + 5) }),
    Origin(
      name: "answers less, of unknown length", knowsLength: false,
      sent: { $0.lowerBound..<min($0.upperBound, $0.lowerBound + 5) }),
    Origin(name: "answers elsewhere", sent: { _ in 50..<60 }),
    Origin(name: "answers elsewhere, of unknown length", knowsLength: false, sent: { _ in 50..<60 }),
    Origin(name: "answers more", sent: { max(0, $0.lowerBound - 3)..<min(100, $0.upperBound + 3) }),
    Origin(name: "answers the end", sent: { _ in 90..<100 }),
    Origin(name: "without a validator", fields: ["Cache-Control": "max-age=60"]),
    Origin(name: "with a weak tag", fields: ["ETag": "W/\"a\"", "Cache-Control": "max-age=60"]),
    Origin(name: "without a lifetime", fields: ["ETag": "\"a\""]),
    Origin(name: "whose parts vary", fields: ["ETag": "\"a\"", "Cache-Control": "max-age=60", "Vary": "X-A"]),
  ]

  /// Second requests, after one for the first ten octets.
  static let requests: [HeaderFields] = [
    [:], ["Range": "bytes=0-49"], ["Range": "bytes=5-30"], ["Range": "bytes=20-29"], ["Range": "bytes=-10"],
    ["Range": "bytes=10-"], ["Range": "bytes=3-"], ["Range": "bytes=0-3, 90-99"], ["Range": "bytes=0-0, 95-"],
    ["If-None-Match": "\"z\""], ["If-None-Match": "\"a\""], ["Range": "bytes=0-49", "If-Range": "\"a\""],
    ["Range": "bytes=0-49", "If-Range": "\"z\""], ["Range": "bytes=0-"], ["Range": "bytes=2-4"], ["Range": "lines=1-2"],
  ]

  /// Checks that `response` is a right one to a request with `fields`.
  private static func check(
    _ response: CacheResponse, _ fields: HeaderFields, of origin: Origin, _ context: Comment
  ) async throws {
    let body = try await response.body.collect()
    let asks =
      RFC9110.rangeSet(of: fields).map {
        RFC9110.rangeApplies(request: fields, stored: origin.fields) ? $0 : nil
      } ?? nil
    switch response.status {
    case 200:
      #expect(body == whole, context)
      #expect(response.fields.values(of: .contentRange).isEmpty, context)
    case 206:
      let set = try #require(asks, context)
      let ranges = response.fields.values(of: .contentRange)
      guard response.fields[.contentType]?.hasPrefix("multipart/byteranges") != true else { return }
      #expect(ranges.count == 1, context)
      let range = try #require(ContentRange(response.fields)?.range, context)
      #expect(body == whole.slice(range), context)
      // What an origin itself answers to the client's own request is the origin's to answer for.
      if origin.name == "usual" || origin.name == "of unknown length",
        case .ranges(let wanted) = set.selection(length: 100),
        wanted.count == 1
      {
        #expect(wanted == [range], context)
      }
    case 304:
      // Tags are compared weakly here.
      let tag = origin.fields["ETag"]?.replacing("W/", with: "")
      #expect(fields["If-None-Match"] == tag && body.isEmpty, context)
    default: Issue.record(context)
    }
    if response.status != 304, let length = response.fields[.contentLength] {
      #expect(length == "\(body.count)", context)
    }
  }

  @Test("whatever parts an origin sends, each answer is one to the request", arguments: origins)
  func answersSatisfy(_ origin: Origin) async throws {
    for first in Self.requests {
      for second in Self.requests {
        let fixture = try Fixture()
        let seen = Locked<[String]>([])
        let service = origin.service(seen).layer(fixture.cache)
        _ = try await service.call(.get("/", ["Range": "bytes=0-9"])).body.collect()
        for fields in [first, second, [:]] {
          let before = seen.withLock { $0.count }
          let response = try await service.call(.get("/", fields))
          let after = seen.withLock { $0.count }
          let context: Comment = "\(origin.name): \(fields.map { "\($0.name): \($0.value)" }) \(seen.withLock { $0 })"
          #expect(after - before <= 2, context)
          try await Self.check(response, fields, of: origin, context)
        }
      }
    }
  }

  @Test("a usual origin is asked for what is missing only") func onlyTheGap() async throws {
    let fixture = try Fixture()
    let seen = Locked<[String]>([])
    let service = Origin().service(seen).layer(fixture.cache)
    for range in ["bytes=0-9", "bytes=5-19", "bytes=-10", "bytes=0-99"] {
      _ = try await service.call(.get("/", ["Range": range])).body.collect()
    }
    #expect(try await service.call(.get("/")).outcome == .hit)
    #expect(seen.withLock { $0 } == ["bytes=0-9", "bytes=10-19", "bytes=90-", "bytes=20-89"])
  }

  @Test("followers of a request that completes parts get what they have asked for") func followers() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=60"]
    func part(_ range: Range<Int>) -> CacheResponse {
      CacheResponse(
        status: 206, fields: RFC9110.partialFields(of: fields, range: range, length: 100),
        body: Body(Self.whole.slice(range)))
    }
    async let first = service.call(.get("/", ["Range": "bytes=0-9"]))
    await origin.nextCall().respond(part(0..<10))
    _ = try await first.body.collect()
    async let leader = service.call(.get("/"))
    let call = await origin.nextCall()
    async let follower = service.call(.get("/"))
    await fixture.cache.waitForWaiters(2)
    // Less than was asked for: then everything is.
    call.respond(part(10..<15))
    let again = await origin.nextCall()
    #expect(again.request.fields[.range] == nil)
    again.respond(CacheResponse(fields: fields, body: Body(Self.whole)))
    for response in [try await leader, try await follower] {
      #expect(response.status == 200)
      #expect(try await response.body.collect() == Self.whole)
    }
  }

  // MARK: Large parts

  @Test(
    "a range larger than what is stored is asked for once",
    arguments: [
      ("bytes=0-79", 1), ("bytes=20-99", 1), ("bytes=0-99", 1), ("bytes=0-29", 1), ("bytes=5-", 1), ("bytes=-70", 1),
    ], [true, false])
  func largeRange(_ input: (range: String, calls: Int), _ isStream: Bool) async throws {
    let fixture = try Fixture(CachePolicy(maximumBodySize: 50))
    let seen = Locked<[String]>([])
    let origin = Origin().service(seen)
    let service = CountingOrigin { request, _ in
      var response = try await origin.call(request)
      if isStream {
        let bytes = try await response.body.collect()
        response.body = Body(
          AsyncStream<Bytes> { continuation in
            continuation.yield(bytes)
            continuation.finish()
          })
      }
      return response
    }.layer(fixture.cache)
    _ = try await service.call(.get("/", ["Range": "bytes=0-9"])).body.collect()
    let response = try await service.call(.get("/", ["Range": input.range]))
    let range = try #require(ContentRange(response.fields)?.range)
    #expect(try await response.body.collect() == Self.whole.slice(range))
    #expect(seen.withLock { $0.count } == 1 + input.calls)
  }

  @Test("of a resource above the limit, only the gap is fetched while the parts fit") func gapOfLargeResource()
    async throws
  {
    let fixture = try Fixture(CachePolicy(maximumBodySize: 50))
    let seen = Locked<[String]>([])
    let service = Origin().service(seen).layer(fixture.cache)
    for range in ["bytes=0-9", "bytes=0-39", "bytes=0-79", "bytes=60-69", "bytes=60-69"] {
      let response = try await service.call(.get("/", ["Range": range]))
      let sent = try #require(ContentRange(response.fields)?.range)
      #expect(try await response.body.collect() == Self.whole.slice(sent))
    }
    #expect(seen.withLock { $0 }.prefix(3) == ["bytes=0-9", "bytes=10-39", "bytes=0-79"])
    // Never more than the limit is stored.
    var stored = 0
    if case .found(let entry) = fixture.backend.peek(
      CacheKey(scheme: "http", authority: "example.com", target: "/"), at: fixture.cache.clock.now)
    {
      stored = entry.body.count
    }
    #expect((1...50).contains(stored))
  }

  // MARK: Lifetimes

  @Test("the policy's lifetime makes hits of parts and of 204, as the heuristic does", arguments: [204, 206])
  func policyLifetime(_ status: Int) async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(60)))
    let origin = CountingOrigin { _, _ in
      status == 204
        ? CacheResponse(status: 204)
        : CacheResponse(status: 206, fields: ["Content-Range": "bytes 0-3/10"], body: "0123")
    }
    let service = origin.layer(fixture.cache)
    let fields: HeaderFields = status == 206 ? ["Range": "bytes=0-3"] : [:]
    for seconds in [0, 30] {
      fixture.advance(seconds)
      let response = try await service.call(.get("/", fields))
      #expect(response.status == status)
      #expect(response.outcome == (seconds == 0 ? .miss(.absent) : .hit))
      _ = try await response.text()
    }
    #expect(origin.count.value == 1)
    fixture.advance(31)
    #expect(try await service.call(.get("/", fields)).outcome != .hit)
  }

  // MARK: Digests

  static let digests: HeaderFields = [
    "Content-Digest": "sha-256=:AAAA:", "Content-MD5": "AAAA", "Repr-Digest": "sha-256=:BBBB:",
    "Digest": "sha-256=BBBB",
  ]

  /// Checks that a response with other content than the origin's has no digest of the latter.
  private static func checkDigests(_ response: CacheResponse, _ context: Comment) {
    #expect(response.fields["Content-Digest"] == nil, context)
    #expect(response.fields["Content-MD5"] == nil, context)
    #expect(response.fields["Repr-Digest"] == "sha-256=:BBBB:", context)
    #expect(response.fields["Digest"] == "sha-256=BBBB", context)
  }

  @Test(
    "digests of the content are left out of parts of a whole (RFC 9530 §2, RFC 1864)",
    arguments: ["bytes=5-9", "bytes=0-0, 90-99", "bytes=-1"])
  func digestsOfParts(_ range: String) async throws {
    let fixture = try Fixture()
    var fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=60"]
    fields.append(contentsOf: Self.digests)
    let service = CountingOrigin { [fields] _, _ in CacheResponse(fields: fields, body: Body(Self.whole)) }
      .layer(fixture.cache)
    // Also of the answer that is cut from a miss.
    for outcome in [CacheOutcome.miss(.absent), .hit] {
      let response = try await service.call(.get("/", ["Range": range]))
      #expect(response.status == 206)
      #expect(response.outcome == outcome)
      Self.checkDigests(response, "\(outcome)")
    }
    let whole = try await service.call(.get("/"))
    for field in Self.digests { #expect(whole.fields[field.name] == field.value) }
  }

  @Test("and of parts of parts, completed parts, and wholes put together") func digestsOfCombinedParts() async throws {
    let fixture = try Fixture()
    var fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=60"]
    fields.append(contentsOf: Self.digests)
    let service = CountingOrigin { [fields] request, _ in
      guard let set = RFC9110.rangeSet(of: request.fields), case .ranges(let ranges) = set.selection(length: 100)
      else { return CacheResponse(fields: fields, body: Body(Self.whole)) }
      var part = fields
      part.removeAll("Content-Digest")
      part.removeAll("Content-MD5")
      part.append("Content-Range", "bytes \(ranges[0].lowerBound)-\(ranges[0].upperBound - 1)/100")
      part.append("Content-Digest", "sha-256=:CCCC:")
      part.append("Content-MD5", "CCCC")
      return CacheResponse(status: 206, fields: part, body: Body(Self.whole.slice(ranges[0])))
    }.layer(fixture.cache)
    // As the origin has sent it.
    let first = try await service.call(.get("/", ["Range": "bytes=0-9"]))
    #expect(first.fields["Content-Digest"] == "sha-256=:CCCC:")
    for range in ["bytes=0-9", "bytes=2-4", "bytes=5-30", "bytes=0-0, 20-20"] {
      Self.checkDigests(try await service.call(.get("/", ["Range": range])), "\(range)")
    }
    let whole = try await service.call(.get("/"))
    #expect(whole.status == 200)
    Self.checkDigests(whole, "completed")
    Self.checkDigests(try await service.call(.get("/")), "hit")
  }

  @Test("a 304 has no digest of content, and brings none", arguments: [true, false])
  func digestsAnd304(_ isConditional: Bool) async throws {
    let fixture = try Fixture()
    var fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=60"]
    fields.append(contentsOf: Self.digests)
    let service = CountingOrigin { [fields] _, number in
      number == 1
        ? CacheResponse(fields: fields, body: Body(Self.whole))
        : CacheResponse(
          status: 304, fields: ["ETag": "\"a\"", "Cache-Control": "max-age=60", "Content-Digest": "sha-256=:empty:"])
    }.layer(fixture.cache)
    _ = try await service.call(.get("/"))
    fixture.advance(90)
    let response = try await service.call(.get("/", isConditional ? ["If-None-Match": "\"a\""] : [:]))
    #expect(response.status == (isConditional ? 304 : 200))
    #expect(response.fields["Content-Digest"] == (isConditional ? nil : "sha-256=:AAAA:"))
    #expect(try await service.call(.get("/")).fields["Content-Digest"] == "sha-256=:AAAA:")
  }
}
