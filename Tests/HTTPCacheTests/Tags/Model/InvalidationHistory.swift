//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

/// One random history, played step by step: after each step everything that can happen has happened, so that the seed alone
/// decides what does. (On a backend that works by itself, nearly alone.)
final class InvalidationHistory {
  private static let windows = (revalidate: Duration.seconds(5), error: Duration.seconds(9))
  private static let targets = ["/a/1", "/a/2", "/b/1", "/b/2?vary"]

  /// A request and what has become of it.
  private final class Asked: Sendable {
    struct State {
      var hasHead = false
      var isDone = false
      var serial: Int?
      var outcome: CacheOutcome?
    }

    let id: Int
    let begunAt: Int
    let state = LockedBox(State())

    init(id: Int, begunAt: Int) {
      self.id = id
      self.begunAt = begunAt
    }
  }

  private struct Stream {
    let channel: BodyChannel
    let call: ModelOrigin.Call
  }

  private let seed: UInt64
  private var generator: SplitMix64
  private let clock = ManualClock()
  private let world: InvalidationWorld
  private let cache: CacheLayer
  private let origin: ModelOrigin
  private let service: Layered<CacheLayer, ModelOrigin>
  private var now = 0
  private var contents: [Int: InvalidationModel.Content] = [:]
  private var versions = [Int](repeating: 0, count: InvalidationHistory.targets.count)
  private var asked: [Asked] = []
  private var unread: [Asked] = []
  private var flights: [ObjectIdentifier: Flight] = [:]
  private var streams: [Int: Stream] = [:]
  private var invalidations: [InvalidationModel.Invalidation] = []
  /// The version that each entity tag stands for, and what its content depends on.
  private var entityTags: [String: (resource: Int, version: Int, serial: Int)] = [:]
  private var confirmedBy: [Int: Int] = [:]
  private var moments: [Int: CacheInstant] = [:]
  /// Whether something that was to happen has not.
  private var isStuck = false
  /// What happened, for people.
  private(set) var log: [String] = []
  /// How often each outcome occurred.
  private(set) var outcomes: [String: Int] = [:]

  init(seed: UInt64, _ makeWorld: (CacheClock) throws -> InvalidationWorld) throws {
    self.seed = seed
    generator = SplitMix64(seed: seed)
    let clock = CacheClock(self.clock)
    world = try makeWorld(clock)
    var policy = CachePolicy(
      timeToLive: .seconds(20), staleWhileRevalidate: Self.windows.revalidate, staleIfError: Self.windows.error)
    policy.waitLimit = .seconds(1 << 40)
    policy.retryInterval = .seconds(1)
    policy.uncacheableTimeToLive = .seconds(3)
    // One in four histories forbids late tags, so that streams are shared more freely.
    if seed % 4 == 0 { policy.tags.ambience = .untilBodyBegins }
    policy.tags.extract = { request, _ in request.path == "/b/1" ? ["extracted", "all"] : [] }
    cache = try CacheLayer(backend: world.backend, policy: policy, clock: clock)
    origin = ModelOrigin { request in request.path == "/a/2" ? ["ambient", "all"] : [] }
    service = origin.layer(cache)
  }

  private static func tags(of request: CacheRequest) -> Set<String> {
    switch request.path {
    case "/a/1": ["field", "all"]
    case "/a/2": ["ambient", "all"]
    case "/b/1": ["extracted", "all"]
    default: ["varying"]
    }
  }

  private func tick() -> Int {
    now += 1
    return now
  }

  private func random(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

  // MARK: Playing

  /// Plays `steps` steps, lets everything come to its end, and checks what was served.
  ///
  /// - Returns: What the model objects to.
  func play(steps: Int) async -> [String] {
    for _ in 0..<steps where !isStuck {
      if world.disturb != nil, random(0..<10) == 0 { await disturb() }
      await step()
      await settle()
    }
    while !origin.pending.isEmpty || !streams.isEmpty, !isStuck {
      // One at a time: a flight that begins and is invalidated within one step would never be seen.
      if let call = origin.pending.first {
        answer(call, failing: 0)
      } else if let serial = streams.keys.min() {
        finish(serial, failing: false)
      }
      await settle()
    }
    if isStuck { return ["somebody waits for ever: \(await standing())"] }
    var model = InvalidationModel(
      contents: contents, invalidations: invalidations,
      staleWhileRevalidate: Self.windows.revalidate + world.delay, staleIfError: Self.windows.error + world.delay)
    // What a 304 (or a HEAD) has confirmed depends on what the confirmed content depends on.
    for serial in confirmedBy.keys.sorted() {
      guard let confirmed = confirmedBy[serial], let tags = model.contents[confirmed]?.tags else { continue }
      model.contents[serial]?.tags.formUnion(tags)
    }
    return asked.compactMap { asked in
      let state = asked.state.withLock { $0 }
      guard let serial = state.serial, let moment = moments[asked.id] else { return nil }
      return model.objection(
        to: InvalidationModel.Served(begunAt: asked.begunAt, serial: serial, outcome: state.outcome, moment: moment))
    }
  }

  private func step() async {
    switch random(0..<100) {
    case 0..<34: ask(.get)
    case 34..<36: ask(.head)
    case 36..<39: ask(.post)
    case 39..<64:
      let pending = origin.pending
      if pending.isEmpty { ask(.get) } else { answer(pending[random(0..<pending.count)], failing: 15) }
    case 64..<72:
      let serials = streams.keys.sorted()
      if !serials.isEmpty { proceed(serials[random(0..<serials.count)]) }
    case 72..<84: await invalidate()
    case 84..<86: versions[random(0..<Self.targets.count)] += 1
    case 86..<88: await disturb()
    default:
      let seconds = random(1..<5)
      log.append("\(seconds) s later")
      clock.advance(by: .seconds(seconds))
    }
  }

  private func disturb() async {
    if let what = await world.disturb?(&generator) { log.append(what) }
  }

  private func ask(_ method: RequestMethod) {
    let target = Self.targets[random(0..<Self.targets.count)]
    let id = asked.count
    var fields: HeaderFields = ["X-Id": String(id)]
    if target == "/b/2?vary" { fields.append("Accept-Language", ["de", "fr"][random(0..<2)]) }
    let request = CacheRequest(
      method: method, authority: "example.com", target: target, fields: fields,
      body: method == .post ? "order" : .empty)
    let asked = Asked(id: id, begunAt: tick())
    self.asked.append(asked)
    unread.append(asked)
    log.append("\(asked.begunAt): request \(id): \(method) \(target)")
    let service = service
    Task {
      do {
        let response = try await service.call(request)
        asked.state.withLock { state in
          state.serial = response.fields["X-Serial"].flatMap { Int($0) }
          state.outcome = response.outcome
          state.hasHead = true
        }
        _ = try? await response.body.collect()
      } catch {}
      asked.state.withLock { $0.isDone = true }
    }
  }

  private func answer(_ call: ModelOrigin.Call, failing percentage: Int) {
    let request = call.request
    let resource = Self.targets.firstIndex(of: request.target) ?? 0
    let version = versions[resource]
    let serial = call.serial ?? 0
    log.append("answer \(serial), for request \(call.id)")
    if random(0..<100) < percentage {
      let isError = random(0..<2) == 0
      return origin.answer(call, isError ? .failure(OriginError()) : .success(CacheResponse(status: 500)))
    }
    var response = CacheResponse(
      fields: [
        "X-Serial": String(serial), "Cache-Control": "max-age=6, stale-while-revalidate=5, stale-if-error=9",
      ])
    switch request.path {
    case "/a/1": response.fields.append("Cache-Tag", "field, all")
    case "/b/2": response.fields.append("Surrogate-Key", "varying")
    default: break
    }
    if request.target == "/b/2?vary" { response.fields.append(HeaderName.vary, "Accept-Language") }
    // A confirmation, if nothing has been written since.
    if let tag = request.fields[.ifNoneMatch], let known = entityTags[tag], known.version == version {
      response.status = 304
      response.fields.append(HeaderName.etag, tag)
      confirmedBy[serial] = known.serial
      return origin.answer(call, .success(response))
    }
    if request.method == .head {
      // Speaks of what a GET would bring now: of the newest that is of this version.
      let newest = entityTags.filter { $0.value.resource == resource && $0.value.version == version }
        .max { $0.value.serial < $1.value.serial }
      if let newest {
        response.fields.append(HeaderName.etag, newest.key)
        confirmedBy[serial] = newest.value.serial
      }
      return origin.answer(call, .success(response))
    }
    let tag = "\"\(serial)\""
    entityTags[tag] = (resource, version, serial)
    response.fields.append(HeaderName.etag, tag)
    if request.method == .post {
      response.fields.append("Content-Location", request.target)
      // It changes something, and says so: its own key by being what it is, a tag by name.
      CacheTagsOf(call).invalidate("all")
      posted[call.id] = serial
    }
    if random(0..<100) < 6 { response.fields[.cacheControl] = "no-store" }
    if request.method == .get, random(0..<100) < 30 {
      let channel = BodyChannel()
      response.body = channel.body
      streams[serial] = Stream(channel: channel, call: call)
    } else {
      response.body = Body("content \(serial)")
    }
    origin.answer(call, .success(response))
  }

  /// The answers to POST that are about to be delivered, by request.
  private var posted: [Int: Int] = [:]

  /// Stands in for the handler of a call, which has been left behind in its own task.
  private struct CacheTagsOf {
    let call: ModelOrigin.Call
    init(_ call: ModelOrigin.Call) { self.call = call }
    func invalidate(_ tag: String) { call.scope?.invalidate(CacheInvalidation(.anyTag([tag]))) }
  }

  /// Goes on with a body: with a tag that comes late, or to its end.
  private func proceed(_ serial: Int) {
    guard let stream = streams[serial], random(0..<2) == 0, let scope = stream.call.scope else {
      return finish(serial, failing: random(0..<5) == 0)
    }
    log.append("late tag for \(serial)")
    scope.add(["late"])
    // Where late tags are not permitted it is not stored; who shares it meanwhile does so without regard to them.
    if seed % 4 == 0 { return }
    contents[serial]?.tags.insert("late")
  }

  private func finish(_ serial: Int, failing: Bool) {
    guard let stream = streams.removeValue(forKey: serial) else { return }
    log.append("\(failing ? "break off" : "finish") \(serial)")
    if failing { stream.channel.fail(OriginError()) } else { stream.channel.finish() }
  }

  private func invalidate() async {
    let target = Self.targets[random(0..<Self.targets.count)]
    let key = CacheKey(scheme: "http", authority: "example.com", target: target)
    let tags = ["field", "ambient", "extracted", "varying", "late", "all", "nobody's"]
    let tag = tags[random(0..<tags.count)]
    let what: CacheInvalidation.Target =
      switch random(0..<14) {
      case 0..<5: .anyTag([tag, tags[random(0..<tags.count)]])
      case 5..<8: .allTags([tag, "all"])
      case 8..<10: .key(key)
      case 10: .pathPrefix(["/a/", "/b/", "/b/2"][random(0..<3)])
      case 11: .matching { _, tags in tags.contains(tag) }
      case 12: .matching { other, _ in other.primary == key }
      default: .everything
      }
    let invalidation = CacheInvalidation(what, mode: random(0..<3) == 0 ? .soft : .hard)
    let isDone = LockedBox(false)
    Task { [cache] in
      await cache.invalidate(invalidation)
      isDone.withLock { $0 = true }
    }
    await wait(until: { isDone.withLock { $0 } })
    let now = tick()
    log.append("\(now): invalidate \(invalidation.target), \(invalidation.mode)")
    invalidations.append(InvalidationModel.Invalidation(what: invalidation, at: now, moment: clock.now))
  }

  // MARK: Letting things happen

  /// Returns when nothing more happens by itself: everybody who has asked has an answer, or waits for the origin.
  private func settle() async {
    // The clock may have to move for things to happen: what is decided meanwhile is decided now or later.
    let now = clock.now
    await wait(until: { await isSettled() })
    if isStuck { return }
    for call in origin.pending where call.serial == nil {
      let serial = tick()
      call.serial = serial
      contents[serial] = InvalidationModel.Content(
        key: CacheKey(scheme: "http", authority: "example.com", target: call.request.target), readAt: serial,
        tags: Self.tags(of: call.request))
    }
    unread.removeAll { asked in
      let state = asked.state.withLock { $0 }
      if state.hasHead || state.isDone, moments[asked.id] == nil {
        moments[asked.id] = now
        outcomes[Self.name(state.outcome), default: 0] += 1
        log.append("request \(asked.id) got \(state.serial ?? 0) as \(Self.name(state.outcome))")
        if let serial = posted[asked.id] { notePosted(serial, now) }
      }
      return state.isDone
    }
  }

  /// Returns when `condition` holds.
  private func wait(until condition: () async -> Bool) async {
    let goOnAt = ContinuousClock.now + .seconds(1)
    let giveUpAt = ContinuousClock.now + .seconds(20)
    var attempts = 0
    while !(await condition()) {
      await Task.yield()
      attempts += 1
      if attempts % 32 == 0, world.waitsForTime() { clock.advance(by: .milliseconds(100)) }
      // A flight that begins and is taken out of the table within one step is not seen, and who waits for it seems to wait
      // for nobody. While the origin owes answers, nobody waits for ever: the history goes on.
      if ContinuousClock.now > goOnAt, !origin.pending.isEmpty || !streams.isEmpty { return }
      if isStuck || ContinuousClock.now > giveUpAt {
        isStuck = true
        return
      }
    }
  }

  /// A POST has invalidated what it said, except for its own response.
  private func notePosted(_ serial: Int, _ moment: CacheInstant) {
    let at = tick()
    guard let content = contents[serial] else { return }
    for target in [CacheInvalidation.Target.key(content.key), .anyTag(["all"])] {
      invalidations.append(
        InvalidationModel.Invalidation(what: CacheInvalidation(target), at: at, moment: moment, except: serial))
    }
    log.append("\(at): posted \(content.key)")
  }

  /// How things stand, for people.
  private func standing() async -> String {
    let waiting = cache.flights.all.map {
      "\($0.key.text.debugDescription) \($0.isCalling) \($0.waiting.map(\.id))"
    }
    let open = unread.map { "\($0.id) \($0.state.withLock { $0 })" }
    return "requests \(open); calls \(origin.pending.map(\.id)); flights \(waiting); streams \(streams.keys.sorted())"
  }

  private func isSettled() async -> Bool {
    let current = cache.flights.all
    for flight in current { flights[ObjectIdentifier(flight)] = flight }
    flights = flights.filter { $0.value.isCalling || current.contains { [other = $0.value] in $0 === other } }
    let pending = origin.pending
    let calling = flights.values.filter(\.isCalling)
    let waiting = Set(calling.flatMap { $0.waiting.map { Int($0.plan.request.fields["X-Id"] ?? "") ?? -1 } })
    var aloneCount = 0
    for asked in unread {
      let state = asked.state.withLock { $0 }
      if state.isDone { continue }
      if state.hasHead {
        // Reads a body that the history has not finished.
        guard let serial = state.serial, streams[serial] != nil else { return false }
      } else if !waiting.contains(asked.id) {
        guard pending.contains(where: { $0.id == asked.id }) else { return false }
        aloneCount += 1
      }
    }
    guard calling.count == pending.count - aloneCount else { return false }
    // What has its answer has stored it, too, and is gone; or reads a body.
    for flight in current where !flight.isCalling {
      guard streams.values.contains(where: { $0.call.scope === flight.scope }) else { return false }
    }
    return await world.isQuiet()
  }

  private static func name(_ outcome: CacheOutcome?) -> String { outcome.map { "\($0)" } ?? "error" }
}
