//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

/// One random history. All of it runs on one scheduler: the seed alone decides what happens, down to the order in which
/// tasks go on. Sometimes everything that can happen has happened before the next step, sometimes little has.
final class InvalidationHistory: @unchecked Sendable {
  // @unchecked: reached by what runs on its scheduler only.
  private static let windows = (revalidate: Duration.seconds(5), error: Duration.seconds(9))
  static let targets = ["/a/1", "/a/2", "/b/1", "/b/2?vary"]

  /// A request and what has become of it.
  private final class Asked: @unchecked Sendable {
    // @unchecked: as its history.
    let id: Int
    let node: Int
    var begunAt = 0
    var served: InvalidationModel.Served?
    var isDone = false
    var task: Task<Void, Never>?

    init(id: Int, node: Int) {
      self.id = id
      self.node = node
    }
  }

  private struct Stream {
    let channel: BodyChannel
    let call: ModelOrigin.Call
  }

  /// A node: a cache in a process of its own.
  private struct Node {
    let cache: CacheLayer
    let service: Layered<CacheLayer, ModelOrigin>
  }

  private let seed: UInt64
  private let scheduler: StepScheduler
  private var generator: SplitMix64
  private let clock = ManualClock()
  private let world: InvalidationWorld
  private let policy: CachePolicy
  /// In how many of a hundred steps something is invalidated: what is invalidated often is seldom old.
  private let invalidationShare: Int
  private var nodes: [Node] = []
  private var now = 0
  private var contents: [Int: InvalidationModel.Content] = [:]
  private var versions = [Int](repeating: 0, count: InvalidationHistory.targets.count)
  private var asked: [Asked] = []
  private var streams: [Int: Stream] = [:]
  private var invalidations: [InvalidationModel.Invalidation] = []
  private var openInvalidationCount = 0
  /// The version that each entity tag stands for, and what its content depends on.
  private var entityTags: [String: (resource: Int, version: Int, serial: Int)] = [:]
  private var confirmedBy: [Int: Int] = [:]
  /// The answers to POST, by request, and when they were given.
  private var posted: [Int: (serial: Int, at: Int)] = [:]
  /// What happened, for people.
  private(set) var log: [String] = []
  /// How often each outcome occurred.
  private(set) var outcomes: [String: Int] = [:]
  /// What must be gone when the history is over.
  private(set) var traces = Traces()

  private lazy var origin = ModelOrigin(
    ambientTags: { request in request.path == "/a/2" ? ["ambient", "all"] : [] },
    number: { [unowned self] request in
      let serial = tick()
      log.append("call \(serial), for request \(request.fields["X-Id"] ?? "")")
      contents[serial] = InvalidationModel.Content(
        key: Self.key(request.target), readAt: serial, tags: Self.tags(of: request))
      return serial
    })

  private init(seed: UInt64, _ scheduler: StepScheduler, _ makeWorld: InvalidationWorld.Maker) throws {
    self.seed = seed
    self.scheduler = scheduler
    generator = SplitMix64(seed: seed)
    invalidationShare = [3, 6, 11][Int(generator.next() % 3)]
    world = try makeWorld(CacheClock(clock), seed)
    var policy = CachePolicy(
      timeToLive: .seconds(20), staleWhileRevalidate: Self.windows.revalidate, staleIfError: Self.windows.error)
    policy.waitLimit = .seconds(1 << 40)
    policy.retryInterval = .seconds(1)
    policy.uncacheableTimeToLive = .seconds(3)
    // One in four histories forbids late tags, so that streams are shared more freely.
    if seed % 4 == 0 { policy.tags.ambience = .untilBodyBegins }
    policy.tags.extract = { request, _ in request.path == "/b/1" ? ["extracted", "all"] : [] }
    self.policy = policy
    for index in world.backends.indices { nodes.append(try makeNode(index)) }
  }

  private func makeNode(_ index: Int) throws -> Node {
    let cache = try CacheLayer(backend: world.backends[index], policy: policy, clock: CacheClock(clock))
    traces.note(cache)
    return Node(cache: cache, service: origin.layer(cache))
  }

  private static func key(_ target: String) -> CacheKey {
    CacheKey(scheme: "http", authority: "example.com", target: target)
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
    precondition(scheduler.isCurrent, "a task has left the scheduler")
    now += 1
    return now
  }

  private func random(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

  // MARK: Playing

  /// What a history has come to.
  struct Result {
    /// What the model objects to.
    var objections: [String] = []
    var log: [String] = []
    var outcomes: [String: Int] = [:]
  }

  /// Plays `steps` steps, lets everything come to its end, and checks what was served, and that nothing is left over.
  static func play(seed: UInt64, steps: Int, _ makeWorld: InvalidationWorld.Maker) throws -> Result {
    let scheduler = StepScheduler(seed: seed)
    return try scheduler.perform {
      var result = Result()
      var traces: Traces
      do {
        let history = try InvalidationHistory(seed: seed, scheduler, makeWorld)
        result.objections = history.play(steps: steps)
        result.log = history.log
        result.outcomes = history.outcomes
        traces = history.traces
      }
      if result.objections.isEmpty { result.objections = traces.remains }
      return result
    }
  }

  private func play(steps: Int) -> [String] {
    for _ in 0..<steps {
      step()
      for node in nodes { traces.note(node.cache.flights.all) }
      switch random(0..<8) {
      case 0: break
      case 1, 2: scheduler.run(atMost: random(1..<6))
      default:
        guard settle() else { return ["it never comes to rest"] }
      }
    }
    guard finish() else { return ["somebody waits for ever: \(standing())"] }
    var model = InvalidationModel(
      contents: contents, invalidations: invalidations,
      staleWhileRevalidate: Self.windows.revalidate + world.delay, staleIfError: Self.windows.error + world.delay)
    // What a 304 (or a HEAD) has confirmed depends on what the confirmed content depends on.
    for serial in confirmedBy.keys.sorted() {
      guard let confirmed = confirmedBy[serial], let tags = model.contents[confirmed]?.tags else { continue }
      model.contents[serial]?.tags.formUnion(tags)
    }
    return asked.compactMap { $0.served.flatMap { model.objection(to: $0) } }
  }

  /// Lets everything happen that can without the clock.
  private func settle() -> Bool { scheduler.run(atMost: 1_000_000) }

  /// Lets everything come to its end.
  private func finish() -> Bool {
    var waits = 0
    while settle() {
      if let call = next(origin.pending) {
        answer(call, failing: 0)
      } else if let serial = next(streams.keys.sorted()) {
        finish(serial, failing: false)
      } else if asked.allSatisfy(\.isDone), openInvalidationCount == 0 {
        // What the backend has put off is done, or given up.
        world.heal()
        for _ in 0..<(world.takesTime ? 20 : 0) {
          guard settle() else { return false }
          clock.advance(by: .seconds(30))
        }
        return settle()
      } else {
        guard world.takesTime, waits < 1000 else { return false }
        waits += 1
        clock.advance(by: .milliseconds(100))
      }
    }
    return false
  }

  private func next<Element>(_ elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[random(0..<elements.count)]
  }

  private func step() {
    switch random(0..<100) {
    case 0..<34: ask(.get)
    case 34..<36: ask(.head)
    case 36..<39: ask(.post)
    case 39..<63:
      if let call = next(origin.pending) { answer(call, failing: 15) } else { ask(.get) }
    case 63..<71:
      if let serial = next(streams.keys.sorted()) { proceed(serial) }
    case 71..<(71 + invalidationShare): invalidate()
    case 71..<82: ask(.get)
    case 82..<84: versions[random(0..<Self.targets.count)] += 1
    case 84..<85: leave()
    case 85..<87: disturb()
    default:
      // What is decided is decided before: otherwise nobody could say by which time.
      _ = settle()
      let pause = random(0..<3) == 0 ? Duration.milliseconds(100 * random(1..<10)) : .seconds(random(1..<5))
      log.append("\(pause) later")
      clock.advance(by: pause)
    }
  }

  private func disturb() {
    if nodes.count > 1, random(0..<2) == 0 { return lose(random(0..<nodes.count)) }
    guard let disturb = world.disturb else { return }
    let seed = generator.next()
    Task { log.append(await disturb(seed)) }
  }

  /// Loses a node, and who has asked it.
  private func lose(_ index: Int) {
    guard let node = try? makeNode(index) else { return }
    log.append("node \(index) is lost")
    nodes[index] = node
    for asked in asked where asked.node == index && !asked.isDone { asked.task?.cancel() }
  }

  /// Somebody's client has had enough.
  private func leave() {
    guard let asked = next(asked.filter { !$0.isDone }) else { return }
    log.append("request \(asked.id) leaves")
    asked.task?.cancel()
  }

  private func ask(_ method: RequestMethod) {
    let target = Self.targets[random(0..<Self.targets.count)]
    let index = random(0..<nodes.count)
    let asked = Asked(id: self.asked.count, node: index)
    self.asked.append(asked)
    var fields: HeaderFields = ["X-Id": String(asked.id)]
    if target == "/b/2?vary" { fields.append("Accept-Language", ["de", "fr"][random(0..<2)]) }
    let request = CacheRequest(
      method: method, authority: "example.com", target: target, fields: fields,
      body: method == .post ? "order" : .empty)
    let service = nodes[index].service
    asked.task = Task {
      asked.begunAt = tick()
      log.append("\(asked.begunAt): request \(asked.id): \(method) \(target)")
      do {
        let response = try await service.call(request)
        received(response, asked)
        _ = try? await response.body.collect()
      } catch {
        count("error", asked)
      }
      asked.isDone = true
      asked.task = nil
    }
  }

  private func received(_ response: CacheResponse, _ asked: Asked) {
    let serial = response.fields["X-Serial"].flatMap { Int($0) }
    if let serial {
      asked.served = InvalidationModel.Served(
        begunAt: asked.begunAt, serial: serial, outcome: response.outcome, moment: clock.now)
    }
    count(response.outcome.map { "\($0), \(serial ?? 0)" } ?? "", asked)
    guard let (serial, from) = posted[asked.id], let content = contents[serial] else { return }
    // A POST has invalidated what it said, except for its own response.
    let at = tick()
    for target in [CacheInvalidation.Target.key(content.key), .anyTag(["all"])] {
      invalidations.append(
        InvalidationModel.Invalidation(
          what: CacheInvalidation(target), from: from, at: at, moment: clock.now, except: serial))
    }
    log.append("\(at): posted \(content.key)")
  }

  private func count(_ outcome: String, _ asked: Asked) {
    log.append("request \(asked.id) got \(outcome)")
    outcomes[outcome.prefix { $0 != "," }.description, default: 0] += 1
  }

  private func answer(_ call: ModelOrigin.Call, failing percentage: Int) {
    let (request, serial) = (call.request, call.serial)
    let resource = Self.targets.firstIndex(of: request.target) ?? 0
    let version = versions[resource]
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
      call.scope?.invalidate(CacheInvalidation(.anyTag(["all"])))
      posted[call.id] = (serial, tick())
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

  private func invalidate() {
    let key = Self.key(Self.targets[random(0..<Self.targets.count)])
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
    let cache = nodes[random(0..<nodes.count)].cache
    openInvalidationCount += 1
    Task {
      let from = tick()
      await cache.invalidate(invalidation)
      let at = tick()
      log.append("\(from) to \(at): invalidate \(invalidation.target), \(invalidation.mode)")
      invalidations.append(
        InvalidationModel.Invalidation(what: invalidation, from: from, at: at, moment: clock.now))
      openInvalidationCount -= 1
    }
  }

  /// How things stand, for people.
  private func standing() -> String {
    let flights = nodes.flatMap(\.cache.flights.all).map {
      "\($0.key.text.debugDescription) \($0.isCalling) \($0.waiting.map(\.id))"
    }
    return "requests \(asked.filter { !$0.isDone }.map(\.id)); calls \(origin.pending.map(\.id)); flights \(flights); "
      + "streams \(streams.keys.sorted()); invalidations \(openInvalidationCount)"
  }
}
