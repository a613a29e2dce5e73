//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

/// A memcached server that does one command at a time, forgets what it likes, and may have no memory.
private struct ModelHost {
  private(set) var items: [MemcachedKey: MemcachedItem] = [:]
  private var nextUnique: UInt64 = 1
  /// Whether writes are refused for want of memory.
  var isFull = false

  mutating func perform(_ command: MemcachedCommand) -> MemcachedReply {
    switch command {
    case .get(let keys): return .items(keys.map { items[$0.unshared] })
    case .set(let key, let value, _): return .stored(write(key, value))
    case .add(let key, let value, _): return .stored(items[key.unshared] == nil ? write(key, value) : .notStored)
    case .compareAndSet(let key, let value, _, let unique):
      return .stored(items[key.unshared]?.unique == unique ? write(key, value) : .notStored)
    case .increment(let key):
      guard let number = items[key.unshared].flatMap({ UInt64(decimal: $0.value.bytes) }) else { return .counter(nil) }
      isFull = false
      _ = write(key, MemcachedValue(counter: number &+ 1))
      return .counter(number &+ 1)
    case .delete(let key): return .deleted(items.removeValue(forKey: key.unshared) != nil)
    case .sequence(let commands): return .sequence(commands.map { perform($0) })
    }
  }

  private mutating func write(_ key: MemcachedKey, _ value: MemcachedValue) -> MemcachedStoreOutcome {
    if isFull {
      isFull = false
      return .outOfMemory
    }
    items[key.unshared] = MemcachedItem(value: value, unique: nextUnique)
    nextUnique += 1
    return .stored
  }

  mutating func evict(_ key: MemcachedKey) { items[key.unshared] = nil }
  mutating func restart() { items = [:] }
}

/// An operation at work, one command at a time.
private protocol Process {
  /// Goes on.
  ///
  /// - Returns: What to ask the host for; nil when it is over.
  mutating func advance(_ replies: [MemcachedReply], _ world: inout BookkeepingHistory) -> [MemcachedCommand]?
  /// The keys that it has found missing and is about to write.
  var written: [MemcachedKey] { get }
}

/// Carries out an operation, and begins the counter and the ledger when it asks for that.
private struct Runner<Operation: BookkeepingOperation> {
  private var operation: Operation
  private var beginning: BeginOperation?
  private let node: Int

  init(_ operation: Operation, node: Int) {
    self.operation = operation
    self.node = node
  }

  var written: [MemcachedKey] { beginning?.written ?? operation.written }

  enum Step {
    case ask([MemcachedCommand])
    case done(Operation.Result)
    case failed
  }

  mutating func advance(_ replies: [MemcachedReply], _ world: inout BookkeepingHistory) -> Step {
    var replies = replies
    while true {
      do {
        if beginning != nil {
          switch try beginning!.advance(replies) {
          case .ask(let commands): return .ask(commands)
          case .begin: return .failed
          case .done(let view):
            world.note(view.counter, node)
            beginning = nil
            replies = []
          }
        }
        switch try operation.advance(replies) {
        case .ask(let commands): return .ask(commands)
        case .done(let result): return .done(result)
        case .begin(let number):
          let seen = max(world.nodes[node].seen, number)
          let (now, gap) = world.number(of: node)
          beginning = BeginOperation(world.keys, seen: seen) { $0 + 1 << 20 < now ? now : $0 + gap }
          replies = []
        }
      } catch {
        if error == .outOfMemory { for key in written { world.host.evict(key) } }
        return .failed
      }
    }
  }
}

/// Looks an entry up, asks the origin if there is none, and stores the response: as the backend does.
private struct Fill: Process {
  private enum Phase {
    case start
    case found(seen: UInt64)
    case began(Runner<BeginProbe>)
    case marks(Stored, BookkeepingView)
    case prepare(Runner<CheckOperation>)
    case origin
    case slot
    case check(Runner<CheckOperation>)
    case write
  }

  /// Begins the counter and the ledger.
  fileprivate struct BeginProbe: BookkeepingOperation {
    var isBegun = false
    var written: [MemcachedKey] { [] }
    mutating func advance(_ replies: [MemcachedReply]) throws(BookkeepingError) -> BookkeepingStep<Void> {
      defer { isBegun = true }
      return isBegun ? .done(()) : .begin(above: 0)
    }
  }

  let node: Int
  let page: Int
  let begunAt: Int
  private var phase = Phase.start
  private var stamp: UInt64 = 0
  private var serial = 0
  private var condition: MemcachedItem?
  private var isConditionKnown = false
  private var attempts = 0

  init(node: Int, page: Int, begunAt: Int) {
    self.node = node
    self.page = page
    self.begunAt = begunAt
  }

  var written: [MemcachedKey] {
    switch phase {
    case .prepare(let runner): runner.written
    // What is in the slot is compared with what was there before the marks were looked at.
    case .check(let runner): runner.written + [slotKey]
    case .write: [slotKey]
    case .began(let runner): runner.written
    default: []
    }
  }

  private var slotKey: MemcachedKey { BookkeepingHistory.slot(page) }

  mutating func advance(_ replies: [MemcachedReply], _ world: inout BookkeepingHistory) -> [MemcachedCommand]? {
    let keys = world.keys
    switch phase {
    case .start:
      phase = .found(seen: world.nodes[node].seen)
      return [
        .get([keys.counter]), .get([keys.ledger]), .get([BookkeepingHistory.slot(page)]), .get([world.bucket(page)]),
      ]
    case .found(let seen):
      let found = (0..<4).map { (try? replies.items(at: $0, count: 1))?[0] }
      condition = found[2]
      isConditionKnown = true
      let counter = MemcachedNumber.read(found[0])
      guard let view = BookkeepingView(counter: counter, ledger: InvalidationLedger(found[1]), seen: seen) else {
        phase = .began(Runner(BeginProbe(), node: node))
        return advance([], &world)
      }
      world.note(view.counter, node)
      stamp = view.counter
      if let stored = Stored(found[2]), stored.stamp <= view.counter {
        phase = .marks(stored, view)
        return world.tags(page).map { .get([world.mark($0)]) } + [.get([keys.counter])]
      }
      guard MemcachedMark(found[3]) == nil else { return miss(&world) }
      phase = .prepare(
        Runner(
          CheckOperation(beginning: [world.bucket(page)], over: [found[3]], counter: view.counter, keys), node: node))
      return advance([], &world)
    case .began(var runner):
      switch runner.advance(replies, &world) {
      case .ask(let commands):
        phase = .began(runner)
        return commands
      case .done, .failed: return nil
      }
    case .marks(let stored, let view):
      var candidate = InvalidationCandidate(key: world.key(page), tags: world.tags(page))
      var verdict = view.ledger.verdict(&candidate, since: stored.stamp)
      let counter = (try? replies.items(at: replies.count - 1, count: 1)).flatMap { MemcachedNumber.read($0[0]) }
      for reply in 0..<(replies.count - 1) {
        if let counter, let mark = (try? replies.items(at: reply, count: 1)).flatMap({ MemcachedMark($0[0]) }),
          mark.last <= counter
        {
          verdict = verdict.merged(with: mark.verdict(since: stored.stamp))
        } else {
          verdict = .void
        }
      }
      guard verdict == .void else {
        world.served(stored.serial, page, verdict, begunAt: begunAt)
        return nil
      }
      return miss(&world)
    case .prepare(var runner):
      switch runner.advance(replies, &world) {
      case .ask(let commands):
        phase = .prepare(runner)
        return commands
      case .done(let result): stamp = max(stamp, result.counter)
      case .failed: break
      }
      return miss(&world)
    case .origin:
      serial = world.readOrigin(page)
      return store(&world)
    case .slot:
      condition = (try? replies.items(at: 0, count: 1))?[0]
      return check(&world)
    case .check(var runner):
      switch runner.advance(replies, &world) {
      case .ask(let commands):
        phase = .check(runner)
        return commands
      case .failed: return nil
      case .done(let result):
        guard result.verdict == .valid else { return nil }
        phase = .write
        let bytes = Bytes("\(stamp) \(serial)")
        let value = MemcachedValue(bytes: bytes, flags: MemcachedFormat.whole)
        return [.put(value, BookkeepingHistory.slot(page), over: condition)]
      }
    case .write:
      guard case .stored(let outcome)? = replies.first else { return nil }
      world.count(outcome == .stored ? "stored" : "not stored")
      attempts += 1
      guard outcome == .notStored, attempts < 4 else { return nil }
      isConditionKnown = false
      return store(&world)
    }
  }

  private mutating func miss(_ world: inout BookkeepingHistory) -> [MemcachedCommand] {
    world.count("miss")
    phase = .origin
    return []
  }

  private mutating func store(_ world: inout BookkeepingHistory) -> [MemcachedCommand]? {
    if isConditionKnown { return check(&world) }
    phase = .slot
    return [.get([BookkeepingHistory.slot(page)])]
  }

  private mutating func check(_ world: inout BookkeepingHistory) -> [MemcachedCommand]? {
    let candidate = InvalidationCandidate(key: world.key(page), tags: world.tags(page))
    let marks = [world.bucket(page)] + world.tags(page).map { world.mark($0) }
    phase = .check(
      Runner(
        CheckOperation(candidate, since: stamp, marks: marks, seen: world.nodes[node].seen, world.keys), node: node))
    return advance([], &world)
  }

  fileprivate struct Stored {
    var stamp: UInt64
    var serial: Int

    init?(_ item: MemcachedItem?) {
      guard let item, item.value.flags == MemcachedFormat.whole else { return nil }
      let words = item.value.bytes.description.split(separator: " ")
      guard words.count == 2, let stamp = UInt64(words[0]), let serial = Int(words[1]) else { return nil }
      (self.stamp, self.serial) = (stamp, serial)
    }
  }
}

/// Tells the host of an invalidation.
private struct Invalidate: Process {
  private enum Phase {
    case mark(Runner<MarkOperation>)
    case number(Runner<NumberOperation>)
    case ledger(Runner<LedgerOperation>)
  }

  private let node: Int
  private let invalidation: CacheInvalidation
  private let record: Int
  private let moment: UnixTime
  private var phase: Phase

  init(node: Int, _ invalidation: CacheInvalidation, _ record: Int, _ world: BookkeepingHistory) {
    self.node = node
    self.invalidation = invalidation
    self.record = record
    moment = UnixTime(milliseconds: world.milliseconds(of: node))
    let mode = invalidation.mode
    switch invalidation.target {
    case .key(let key):
      let page = Int(key.targetText.dropFirst()) ?? 0
      let slot = MarkOperation.Slot.bury(BookkeepingHistory.slot(page), .never)
      phase = .mark(
        Runner(MarkOperation([world.bucket(page)], mode, at: moment, slot: slot, world.keys), node: node))
    case .anyTag(let tags):
      phase = .mark(Runner(MarkOperation(tags.map { world.mark($0) }, mode, at: moment, world.keys), node: node))
    default: phase = .number(Runner(NumberOperation(world.keys), node: node))
    }
  }

  var written: [MemcachedKey] {
    switch phase {
    case .mark(let runner): runner.written
    case .number(let runner): runner.written
    case .ledger(let runner): runner.written
    }
  }

  mutating func advance(_ replies: [MemcachedReply], _ world: inout BookkeepingHistory) -> [MemcachedCommand]? {
    switch phase {
    case .mark(var runner):
      switch runner.advance(replies, &world) {
      case .ask(let commands):
        phase = .mark(runner)
        return commands
      case .failed: world.count("invalidation failed")
      case .done(let result):
        world.note(result.number, node)
        world.invalidated(record)
      }
      return nil
    case .number(var runner):
      switch runner.advance(replies, &world) {
      case .ask(let commands):
        phase = .number(runner)
        return commands
      case .failed:
        world.count("invalidation failed")
        return nil
      case .done(let result):
        world.note(result.number, node)
        var target: InvalidationTarget?
        if case .everything = invalidation.target {} else { target = InvalidationTarget(invalidation.target) }
        let change = LedgerChange(number: result.number, mode: invalidation.mode, moment: moment, target: target)
        phase = .ledger(Runner(LedgerOperation([change], over: result.ledger, world.keys), node: node))
        return advance([], &world)
      }
    case .ledger(var runner):
      switch runner.advance(replies, &world) {
      case .ask(let commands):
        phase = .ledger(runner)
        return commands
      case .failed: world.count("invalidation failed")
      case .done: world.invalidated(record)
      }
      return nil
    }
  }
}

/// A random interleaving of lookups, stores and invalidations by nodes whose clocks differ, on a host that forgets, and what
/// may be served in it.
private struct BookkeepingHistory {
  struct Node {
    /// By how many milliseconds its clock is ahead.
    var offset: Int64
    var seen: UInt64 = 0
  }

  struct Faults: OptionSet {
    let rawValue: Int
    static let counter = Faults(rawValue: 1)
    static let marks = Faults(rawValue: 2)
    static let clocks = Faults(rawValue: 4)
    static let memory = Faults(rawValue: 8)
    static let restarts = Faults(rawValue: 16)
    static let newNodes = Faults(rawValue: 32)
  }

  private struct Running {
    var process: any Process
    var commands: ArraySlice<MemcachedCommand> = []
    var replies: [MemcachedReply] = []
    var isStarted = false
  }

  private struct Record {
    var invalidation: CacheInvalidation
    var from: Int
    var at: Int?
  }

  private static let space = MemcachedKeySpace(namespace: "model")
  let keys = BookkeepingKeys(space)
  var host = ModelHost()
  fileprivate private(set) var nodes: [Node]
  private(set) var objections: [String] = []
  private(set) var counts: [String: Int] = [:]
  private var random: SplitMix64
  private let faults: Faults
  private var step = 0
  private var milliseconds: Int64 = 1_800_000_000_000
  private var running: [Running] = []
  private var records: [Record] = []
  /// When each response was read from the origin.
  private var contents: [Int] = []

  init(seed: UInt64, _ faults: Faults) {
    random = SplitMix64(seed: seed)
    self.faults = faults
    let offsets: [Int64] = faults.contains(.clocks) ? [3_600_000, 0, -3_600_000] : [0, 0, 0]
    nodes = offsets.map { Node(offset: $0) }
  }

  // MARK: For the processes

  static func slot(_ page: Int) -> MemcachedKey { space.key(.entry, UInt64(page), 0) }
  func bucket(_ page: Int) -> MemcachedKey { Self.space.key(.bucket, UInt64(page % 2), 0) }
  func mark(_ tag: String) -> MemcachedKey { Self.space.key(.tag, tag) }
  func tags(_ page: Int) -> [String] { [[], ["a"], ["a", "b"], ["b"]][page] }
  func key(_ page: Int) -> CacheKey { CacheKey(scheme: "http", authority: "a", target: "/\(page)") }
  func milliseconds(of node: Int) -> Int64 { milliseconds + nodes[node].offset }

  mutating func number(of node: Int) -> (now: UInt64, gap: UInt64) {
    (
      UInt64(milliseconds(of: node)) * 1000 + UInt64.random(in: 0..<1000, using: &random),
      UInt64.random(in: MemcachedNumber.gap, using: &random)
    )
  }

  mutating func note(_ counter: UInt64, _ node: Int) { nodes[node].seen = max(nodes[node].seen, counter) }
  mutating func count(_ what: String) { counts[what, default: 0] += 1 }
  mutating func invalidated(_ record: Int) { records[record].at = step }

  mutating func readOrigin(_ page: Int) -> Int {
    contents.append(step)
    return contents.count - 1
  }

  mutating func served(_ serial: Int, _ page: Int, _ verdict: MemcachedVerdict, begunAt: Int) {
    count(verdict == .valid ? "hit" : "stale")
    for record in records {
      guard let at = record.at, contents[serial] < record.from, at < begunAt,
        record.invalidation.concerns(key: key(page), tags: tags(page))
      else { continue }
      if record.invalidation.mode == .hard || verdict == .valid {
        objections.append(
          "page \(page), read at \(contents[serial]), was served as \(verdict) to a lookup of \(begunAt), after it had been "
            + "invalidated from \(record.from) to \(at): \(record.invalidation)")
      }
    }
  }

  // MARK: What happens

  mutating func play(steps: Int) {
    for _ in 0..<steps {
      step += 1
      happen()
    }
  }

  private mutating func happen() {
    func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &random) < share }
    milliseconds += Int64.random(in: 0...20, using: &random)
    let node = Int.random(in: 0..<nodes.count, using: &random)
    if running.count < 6, chance(0.15) { start(node) }
    if chance(0.02) { forget() }
    if faults.contains(.restarts), chance(0.002), running.allSatisfy({ $0.process.written.isEmpty }) { host.restart() }
    if faults.contains(.memory), chance(0.02) { host.isFull = true }
    // A process that was just started has seen nothing.
    if faults.contains(.newNodes), chance(0.01) { nodes[node].seen = 0 }
    guard !running.isEmpty else { return }
    let index = Int.random(in: 0..<running.count, using: &random)
    var current = running[index]
    if let command = current.commands.popFirst() {
      current.replies.append(host.perform(command))
      running[index] = current
      return
    }
    let replies = current.replies
    running.remove(at: index)
    if let commands = current.process.advance(replies, &self) {
      current.commands = commands[...]
      current.replies = []
      running.append(current)
    }
  }

  private mutating func start(_ node: Int) {
    let page = Int.random(in: 0..<4, using: &random)
    guard Int.random(in: 0..<3, using: &random) == 0 else {
      running.append(Running(process: Fill(node: node, page: page, begunAt: step)))
      return
    }
    let targets: [CacheInvalidation.Target] = [
      .key(key(page)), .anyTag(["a"]), .anyTag(["a", "b"]), .allTags(["a", "b"]), .pathPrefix("/\(page)"), .everything,
    ]
    let target = targets[Int.random(in: 0..<targets.count, using: &random)]
    var invalidation = CacheInvalidation(target)
    if case .key = target {} else if Bool.random(using: &random) { invalidation.mode = .soft }
    records.append(Record(invalidation: invalidation, from: step))
    running.append(Running(process: Invalidate(node: node, invalidation, records.count - 1, self)))
  }

  /// The host forgets something. It does not forget twice what somebody has found missing and is about to write: for that it
  /// would have to forget a key within the round trip in which it was written.
  private mutating func forget() {
    var candidates: [MemcachedKey] = (0..<4).map { Self.slot($0) }
    if faults.contains(.counter) { candidates.append(keys.counter) }
    if faults.contains(.marks) { candidates += [keys.ledger, mark("a"), mark("b"), bucket(0), bucket(1)] }
    let busy = Set(running.flatMap(\.process.written).map(\.unshared))
    let key = candidates[Int.random(in: 0..<candidates.count, using: &random)]
    if !busy.contains(key.unshared) { host.evict(key) }
  }

  static func check(_ faults: Faults, standard: Int) async -> [String: Int] {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["HTTP_CACHE_MODEL_SCHEDULES"].flatMap { Int($0) } ?? standard
    let first = environment["HTTP_CACHE_MODEL_FIRST_SEED"].flatMap { UInt64($0) } ?? 1
    return await withTaskGroup(of: [String: Int].self) { group in
      for part in 0..<2 {
        group.addTask { @concurrent in
          var counts: [String: Int] = [:]
          for seed in first..<first + UInt64(count) where seed % 2 == UInt64(part) {
            var history = BookkeepingHistory(seed: seed, faults)
            history.play(steps: 600)
            #expect(history.objections == [], "seed \(seed)")
            counts.merge(history.counts) { $0 + $1 }
            if !history.objections.isEmpty { break }
          }
          return counts
        }
      }
      return await group.reduce(into: [:]) { all, part in all.merge(part) { $0 + $1 } }
    }
  }
}

/// Random histories of what a memcached host knows of invalidations, against a reference that remembers everything: nothing is
/// served that was invalidated before the lookup began, whatever the host forgets, whatever the nodes' clocks say.
///
/// `HTTP_CACHE_MODEL_SCHEDULES=100000` plays that many, from `HTTP_CACHE_MODEL_FIRST_SEED` on.
@Suite(.timeLimit(.minutes(60))) struct BookkeepingModelTests {
  private static let worlds: [(String, Int)] = [
    ("nothing is lost", 0), ("the counter is lost", 1), ("the ledger and marks are lost", 2),
    ("both are lost", 3), ("clocks differ, and both are lost", 7), ("writes are refused", 8),
    ("all of it, restarts and new nodes too", 63),
  ]

  @Test(arguments: worlds)
  func `nothing is served that was invalidated before it was looked up`(name: String, faults: Int) async {
    let counts = await BookkeepingHistory.check(.init(rawValue: faults), standard: 150)
    for what in ["hit", "miss", "stored", "stale"] {
      #expect((counts[what] ?? 0) > 0, "\(name): no \(what) in \(counts)")
    }
    print("bookkeeping model, \(name): \(counts.sorted { $0.key < $1.key })")
  }
}
