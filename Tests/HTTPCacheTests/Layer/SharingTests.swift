//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// RFC 9111 §4: a response may satisfy other requests than the one that caused it only where a lookup could reuse it.
@Suite(.timeLimit(.minutes(5))) struct SharingTests {
  /// Fields of responses that are stored for their validator, and may not be reused unasked.
  static let personal: [HeaderFields] = [
    ["Cache-Control": "no-cache"],
    ["Cache-Control": "no-cache, max-age=600"],
    ["Cache-Control": "public, no-cache"],
    ["Cache-Control": "max-age=0, must-revalidate"],
    ["Cache-Control": "public, max-age=0"],
    ["Cache-Control": "s-maxage=0, max-age=600"],
    ["Cache-Control": "max-age=0, proxy-revalidate"],
    ["Cache-Control": "max-age=60", "Age": "60"],
    ["Cache-Control": "max-age=60, must-revalidate", "Age": "61"],
    ["Expires": "0"],
    ["Expires": "Thu, 19 Nov 1981 08:52:00 GMT"],
    ["Expires": "Thu, 01 Jan 2026 00:00:00 GMT", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"],
    ["Pragma": "no-cache", "Cache-Control": "no-cache"],
  ]

  static func page(of user: String, _ fields: HeaderFields, tag: String? = nil) -> CacheResponse {
    var fields = fields
    fields.append(KnownHeader.etag, "\"\(tag ?? user)\"")
    return CacheResponse(fields: fields, body: Body("page of \(user)"))
  }

  static func request(of user: String, _ extra: HeaderFields = [:]) -> CacheRequest {
    var fields: HeaderFields = ["X-User": user]
    fields.append(contentsOf: extra)
    return .get("/", fields)
  }

  private func ask(
    _ users: [String], _ service: some Service<CacheRequest, CacheResponse>, _ cache: CacheLayer,
    _ extra: HeaderFields = [:]
  ) async -> [Task<String, any Error>] {
    var tasks: [Task<String, any Error>] = []
    for user in users {
      let before = cache.waiterCount
      tasks.append(Task { try await service.call(Self.request(of: user, extra)).text() })
      await cache.waitForWaiters(before + 1)
    }
    return tasks
  }

  private let users = (0..<10).map { "user \($0)" }

  @Test(arguments: personal)
  func `a response that must be validated goes to nobody who waits with the leader (§4, §5.2.2.4, §4.2.4)`(
    fields: HeaderFields
  ) async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let tasks = await ask(users, service, fixture.cache)
    let first = await origin.nextCall()
    first.respond(Self.page(of: first.request.fields["X-User"] ?? "", fields))
    // All others ask for themselves, at once.
    var calls: [ScriptedService.Call] = []
    for _ in 1..<users.count { calls.append(await origin.nextCall()) }
    for call in calls { call.respond(Self.page(of: call.request.fields["X-User"] ?? "", fields)) }
    for (user, task) in zip(users, tasks) { #expect(try await task.value == "page of \(user)") }
    #expect(origin.callCount == users.count)
    // Those who come later do not queue behind one another either, and validate what is stored.
    let later = await ask(["ann", "bob"], service, fixture.cache)
    for _ in 0..<2 {
      let call = await origin.nextCall()
      #expect(call.request.fields.contains(KnownHeader.ifNoneMatch))
      calls.append(call)
    }
    for call in calls.suffix(2) { call.respond(Self.page(of: call.request.fields["X-User"] ?? "", fields)) }
    for (user, task) in zip(["ann", "bob"], later) { #expect(try await task.value == "page of \(user)") }
    #expect(fixture.cache.statistics.collapsed == 0)
  }

  @Test(arguments: personal)
  func `nor to who comes while the body is on its way`(fields: HeaderFields) async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let ann = service.call(Self.request(of: "ann"))
    let call = await origin.nextCall()
    let channel = BodyChannel()
    var response = Self.page(of: "ann", fields)
    response.body = channel.body
    call.respond(response)
    let reader = try await ann.body.makeReader()
    #expect(await channel.write("page "))
    #expect(try await reader.next() == "page ")
    async let bob = service.call(Self.request(of: "bob"))
    await origin.nextCall().respond(Self.page(of: "bob", fields))
    #expect(try await bob.text() == "page of bob")
    #expect(await channel.write("of ann"))
    channel.finish()
    #expect(try await reader.next() == "of ann")
    #expect(fixture.cache.statistics.collapsed == 0)
  }

  @Test func `who attaches to a body that takes longer than its response is fresh begins another flight`() async throws
  {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/"))
    let channel = BodyChannel()
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "max-age=2"], body: channel.body))
    let reader = try await first.body.makeReader()
    #expect(await channel.write("old"))
    fixture.advance(1)
    let early = try await service.call(.get("/"))
    #expect(early.outcome == .collapsed && early.fields[.age] == "1")
    fixture.advance(1)
    // All who come now share one call.
    let tasks = await ask(users, service, fixture.cache)
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "max-age=2"], body: "new"))
    for task in tasks { #expect(try await task.value == "new") }
    channel.finish()
    #expect(try await reader.next() == "old")
    #expect(try await early.text() == "old")
    #expect(origin.callCount == 2)
  }

  @Test func `a response that may be served while it is revalidated is shared (RFC 5861 §3)`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let tasks = await ask(users, origin.layer(fixture.cache), fixture.cache)
    await origin.nextCall().respond(
      CacheResponse(fields: ["Cache-Control": "max-age=0, stale-while-revalidate=60"], body: "shared"))
    for task in tasks { #expect(try await task.value == "shared") }
    #expect(origin.callCount == 1)
  }

  /// Directives of a request, and whether they are satisfied by what is fresh for 60 of 100 seconds.
  static let demands: [(HeaderFields, isSatisfied: Bool)] = [
    (["Cache-Control": "no-cache"], false), (["Cache-Control": "max-age=0"], false), (["Pragma": "no-cache"], false),
    (["Cache-Control": "max-age=39"], false), (["Cache-Control": "min-fresh=61"], false),
    (["Cache-Control": "max-age=40"], true), (["Cache-Control": "min-fresh=60"], true),
    (["Cache-Control": "max-stale"], true),
  ]

  @Test(arguments: demands, [false, true])
  func `a follower's own directives count (§5.2.1), while it waits and while the body arrives`(
    demand: (HeaderFields, isSatisfied: Bool), isLate: Bool
  ) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let fields: HeaderFields = ["Cache-Control": "max-age=100", "Age": "40"]
    let channel = BodyChannel()
    let first = Task { try await service.call(Self.request(of: "ann")) }
    let call = await origin.nextCall()
    func answer() async throws {
      call.respond(CacheResponse(fields: fields, body: channel.body))
      _ = try await first.value
      #expect(await channel.write("of ann"))
    }
    if isLate { try await answer() }
    let second = Task { try await service.call(Self.request(of: "bob", demand.0)) }
    if !isLate {
      await eventually { fixture.cache.waiterCount == 2 || origin.callCount == 2 }
      try await answer()
    }
    if !demand.isSatisfied { await origin.nextCall().respond(CacheResponse(fields: fields, body: "of bob")) }
    channel.finish()
    let response = try await second.value
    #expect(try await response.text() == (demand.isSatisfied ? "of ann" : "of bob"))
    #expect(origin.callCount == (demand.isSatisfied ? 1 : 2))
    #expect(response.fields.values(of: .age) == ["40"])
  }

  @Test func `one who demands a response of his own keeps nobody from sharing`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let insistent = await ask(["ann"], service, fixture.cache, ["Cache-Control": "no-cache"])
    let tasks = await ask(users, service, fixture.cache)
    await origin.nextCall().respond(CacheResponse(body: "shared"))
    for task in insistent + tasks { #expect(try await task.value == "shared") }
    #expect(origin.callCount == 1)
  }

  @Test(arguments: personal)
  func `a validation counts for the request that made it (§4.3.3)`(fields: HeaderFields) async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let stored = service.call(Self.request(of: "ann"))
    await origin.nextCall().respond(Self.page(of: "ann", fields))
    #expect(try await stored.text() == "page of ann")
    // Nothing is known of the resource any more: they wait for each other.
    await fixture.cache.waitForLandings()
    fixture.cache.uncoalesced.removeAll()
    let tasks = await ask(["ann", "bob", "eve"], service, fixture.cache)
    for user in ["ann", "bob", "eve"] {
      let call = await origin.nextCall()
      if user == "ann" {
        #expect(call.request.fields[.ifNoneMatch] == "\"ann\"")
        call.respond(CacheResponse(status: 304, fields: fields + ["ETag": "\"ann\""]))
      } else {
        call.respond(Self.page(of: call.request.fields["X-User"] ?? "", fields))
      }
    }
    for (user, task) in zip(["ann", "bob", "eve"], tasks) { #expect(try await task.value == "page of \(user)") }
    #expect(origin.callCount == 4)
  }

  @Test func `a validation that makes the stored response fresh again counts for all`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let fields: HeaderFields = ["Cache-Control": "max-age=10", "ETag": "\"1\""]
    async let stored = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(fields: fields, body: "shared"))
    _ = try await stored
    fixture.advance(11)
    let tasks = await ask(users, service, fixture.cache)
    await origin.nextCall().respond(CacheResponse(status: 304, fields: fields))
    for task in tasks { #expect(try await task.value == "shared") }
    #expect(origin.callCount == 2)
  }

  @Test func `what is remembered ends with its time, and at the first response that may be shared`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    func once(_ directive: String) async throws {
      async let response = service.call(.get("/"))
      await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": directive, "ETag": "\"1\""], body: "x"))
      _ = try await response.text()
      await fixture.cache.waitForLandings()
    }
    func collapses() async throws -> Bool {
      let before = origin.callCount
      let tasks = (0..<2).map { _ in Task { try await service.call(.get("/")).text() } }
      await eventually { fixture.cache.waiterCount == 2 }
      let collapses = origin.callCount == before + 1
      for _ in before..<origin.callCount {
        await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "max-age=1"], body: "y"))
      }
      for task in tasks { _ = try await task.value }
      await fixture.cache.waitForLandings()
      return collapses
    }
    try await once("no-cache")
    #expect(try await !collapses())
    // The responses just given may be shared.
    fixture.advance(2)
    #expect(try await collapses())
    fixture.advance(2)
    try await once("no-cache")
    fixture.advance(121)
    #expect(try await collapses())
  }

  @Test func `a stored response that is never shared still serves for validation and for errors`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    func call(_ response: CacheResponse) async throws -> CacheResponse {
      async let answer = service.call(.get("/"))
      await origin.nextCall().respond(response)
      defer { Task { await fixture.cache.waitForLandings() } }
      return try await answer
    }
    let fields: HeaderFields = ["Cache-Control": "max-age=0, stale-if-error=60", "ETag": "\"1\""]
    #expect(try await call(CacheResponse(fields: fields, body: "kept")).text() == "kept")
    let confirmed = try await call(CacheResponse(status: 304, fields: fields))
    #expect(confirmed.outcome == .revalidated)
    #expect(try await confirmed.text() == "kept")
    let failed = try await call(CacheResponse(status: 503))
    #expect(failed.outcome == .stale(.ifError))
    #expect(try await failed.text() == "kept")
  }

  @Test func `while a slow store is written to, who comes after the answer gets none that is not for him`() async throws
  {
    let store = StoppedStores(try SharedStore())
    let cache = try CacheLayer(backend: store, policy: CachePolicy(timeToLive: nil))
    let service = CountingOrigin { request, _ in
      Self.page(of: request.fields["X-User"] ?? "", ["Cache-Control": "no-cache"])
    }.layer(cache)
    store.gate.close()
    for user in users {
      #expect(try await service.call(Self.request(of: user)).text() == "page of \(user)")
    }
    await eventually { store.gate.waitingCount == users.count }
    store.gate.open()
    await eventually { cache.flights.isEmpty }
  }

  @Test func `interim responses go to the client whose request caused them (RFC 9110 §15.2)`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let seen = Locked<[String]>([])
    var tasks: [Task<String, any Error>] = []
    for user in ["ann", "bob", "eve"] {
      var request = Self.request(of: user)
      request.onInformational = { response in
        seen.withLock { $0.append("\(user): \(response.fields[.setCookie] ?? "")") }
      }
      tasks.append(Task { [request] in try await service.call(request).text() })
      await fixture.cache.waitForWaiters(tasks.count)
    }
    let first = await origin.nextCall()
    first.request.onInformational?(InformationalResponse(status: 103, fields: ["Set-Cookie": "sid=ann"]))
    // What comes now is for nobody in particular.
    first.fail(OriginError())
    let second = await origin.nextCall()
    second.request.onInformational?(InformationalResponse(status: 103, fields: ["Set-Cookie": "sid=bob"]))
    second.respond(CacheResponse(body: "x"))
    for task in tasks { #expect(try await task.value == "x") }
    #expect(seen.withLock { $0 } == ["ann: sid=ann"])
  }

  @Test(arguments: [0, 100])
  func `followers get the age that the response has when they get it (§4, §5.1)`(age: Int) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let tasks = (0..<2).map { _ in Task { try await service.call(.get("/")) } }
    await fixture.cache.waitForWaiters(2)
    let channel = BodyChannel()
    await origin.nextCall().respond(
      CacheResponse(
        fields: ["Cache-Control": "max-age=200"] + (age == 0 ? [:] : ["Age": "\(age)"]), body: channel.body))
    var ages: [CacheOutcome?: [String?]] = [:]
    for task in tasks {
      let response = try await task.value
      ages[response.outcome, default: []].append(response.fields[.age])
      #expect(response.fields.values(of: .age).count <= 1)
    }
    #expect(ages[.collapsed] == ["\(age)"])
    #expect(await channel.write("x"))
    fixture.advance(2)
    #expect(try await service.call(.get("/")).fields.values(of: .age) == ["\(age + 2)"])
    let unmodified = try await service.call(.get("/", ["If-Modified-Since": "Thu, 01 Jan 2032 00:00:00 GMT"]))
    #expect(unmodified.fields.values(of: .age) == ["\(age + 2)"])
    channel.finish()
  }

  /// Conditions, and fields of the response that they do not ask for again.
  static let conditions: [(HeaderFields, HeaderFields)] = [
    (["If-None-Match": "\"a\""], ["ETag": "\"a\""]),
    (["If-None-Match": "W/\"a\", \"b\""], ["ETag": "\"a\""]),
    (["If-None-Match": "*"], [:]),
    (
      ["If-Modified-Since": "Wed, 31 Dec 2025 00:00:00 GMT"],
      ["Last-Modified": "Wed, 31 Dec 2025 00:00:00 GMT"]
    ),
  ]

  @Test(arguments: conditions)
  func `a body that a conditional request does not need is stored for the next (§4.3.2)`(
    condition: HeaderFields, fields: HeaderFields
  ) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/", condition))
    let channel = BodyChannel()
    let call = await origin.nextCall()
    #expect(call.request.fields.presence & CacheLayer.conditionalMask == 0)
    call.respond(CacheResponse(fields: fields + ["Cache-Control": "max-age=60"], body: channel.body))
    let response = try await first
    #expect(response.status == 304)
    #expect(try await response.text() == "")
    // The head has been answered, the body comes only now.
    #expect(await channel.write("0123456789"))
    let late = try await service.call(.get("/", condition))
    #expect(late.status == 304)
    channel.finish()
    await fixture.events.waitFor(.stored)
    let hit = try await service.call(.get("/"))
    #expect(hit.outcome == .hit)
    #expect(try await hit.text() == "0123456789")
    #expect(origin.callCount == 1)
    #expect(!call.isCancelled)
  }

  @Test func `a body that nobody needs is given up when it turns out to be too large to be stored`() async throws {
    let fixture = try Fixture(CachePolicy(maximumBodySize: 4096))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/", ["If-None-Match": "\"a\""]))
    let channel = BodyChannel(window: 1024)
    await origin.nextCall().respond(CacheResponse(fields: ["ETag": "\"a\""], body: channel.body))
    #expect(try await first.status == 304)
    let chunk = Bytes(String(repeating: "x", count: 1024))
    var count = 0
    while count < 100, await channel.write(chunk) { count += 1 }
    #expect(count < 10)
    await eventually { fixture.cache.flights.isEmpty }
  }
}
