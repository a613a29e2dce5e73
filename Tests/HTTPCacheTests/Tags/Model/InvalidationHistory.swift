//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

/// One random history, played step by step: after each step everything that can happen has happened, so that the seed alone
/// decides what does.
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

  private struct Shared {
    var tick = 0
    var contents: [Int: InvalidationModel.Content] = [:]
    var versions = [Int](repeating: 0, count: InvalidationHistory.targets.count)
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
  private let shared: LockedBox<Shared>
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
    let shared = LockedBox(Shared())
    self.shared = shared
    origin = ModelOrigin { request in
      shared.withLock { shared in
        shared.tick += 1
        shared.contents[shared.tick] = InvalidationModel.Content(
          key: CacheKey(scheme: "http", authority: "example.com", target: request.target), readAt: shared.tick,
          tags: Self.tags(of: request))
        return shared.tick
      }
    } ambientTags: { request in
      request.path == "/a/2" ? ["ambient", "all"] : []
    }
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
    shared.withLock { shared in
      shared.tick += 1
      return shared.tick
    }
  }

  private func random(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

  // MARK: Playing

  /// Plays `steps` steps, lets everything come to its end, and checks what was served.
  ///
  /// - Returns: What the model objects to.
  func play(steps: Int) async -> [String] {
    for _ in 0..<steps where !isStuck {
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
      contents: shared.withLock { $0.contents }, invalidations: invalidations,
      staleWhileRevalidate: Self.windows.revalidate, staleIfError: Self.windows.error)
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
    case 84..<86: shared.withLock { $0.versions[random(0..<Self.targets.count)] += 1 }
    case 86..<88:
      if let disturb = world.disturb {
        log.append("disturb")
        await disturb(&generator)
      }
    default:
      let seconds = random(1..<5)
      log.append("\(seconds) s later")
      clock.advance(by: .seconds(seconds))
    }
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
    let version = shared.withLock { $0.versions[resource] }
    log.append("answer \(call.serial), for request \(call.id)")
    if random(0..<100) < percentage {
      let isError = random(0..<2) == 0
      return origin.answer(call, isError ? .failure(OriginError()) : .success(CacheResponse(status: 500)))
    }
    var response = CacheResponse(
      fields: [
        "X-Serial": String(call.serial), "Cache-Control": "max-age=6, stale-while-revalidate=5, stale-if-error=9",
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
      confirmedBy[call.serial] = known.serial
      return origin.answer(call, .success(response))
    }
    if request.method == .head {
      // Speaks of what a GET would bring now: of the newest that is of this version.
      let newest = entityTags.filter { $0.value.resource == resource && $0.value.version == version }
        .max { $0.value.serial < $1.value.serial }
      if let newest {
        response.fields.append(HeaderName.etag, newest.key)
        confirmedBy[call.serial] = newest.value.serial
      }
      return origin.answer(call, .success(response))
    }
    let tag = "\"\(call.serial)\""
    entityTags[tag] = (resource, version, call.serial)
    response.fields.append(HeaderName.etag, tag)
    if request.method == .post {
      response.fields.append("Content-Location", request.target)
      // It changes something, and says so: its own key by being what it is, a tag by name.
      CacheTagsOf(call).invalidate("all")
      posted[call.id] = call.serial
    }
    if random(0..<100) < 6 { response.fields[.cacheControl] = "no-store" }
    if request.method == .get, random(0..<100) < 30 {
      let channel = BodyChannel()
      response.body = channel.body
      streams[call.serial] = Stream(channel: channel, call: call)
    } else {
      response.body = Body("content \(call.serial)")
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
    shared.withLock { _ = $0.contents[serial]?.tags.insert("late") }
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
    let moment = clock.now
    await cache.invalidate(invalidation)
    let now = tick()
    log.append("\(now): invalidate \(invalidation.target), \(invalidation.mode)")
    invalidations.append(InvalidationModel.Invalidation(what: invalidation, at: now, moment: moment))
  }

  // MARK: Letting things happen

  /// Returns when nothing more happens by itself: everybody who has asked has an answer, or waits for the origin.
  private func settle() async {
    let giveUpAt = ContinuousClock.now + .seconds(20)
    while !(await isSettled()) {
      await Task.yield()
      if isStuck || ContinuousClock.now > giveUpAt {
        isStuck = true
        return
      }
    }
    let now = clock.now
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

  /// A POST has invalidated what it said, except for its own response.
  private func notePosted(_ serial: Int, _ moment: CacheInstant) {
    let at = tick()
    guard let content = shared.withLock({ $0.contents[serial] }) else { return }
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
    guard calling.count == pending.count - aloneCount,
      current.count
        - calling.count(where: { flight in
          current.contains { $0 === flight }
        }) <= streams.count
    else { return false }
    return await world.isQuiet()
  }

  private static func name(_ outcome: CacheOutcome?) -> String { outcome.map { "\($0)" } ?? "error" }
}
