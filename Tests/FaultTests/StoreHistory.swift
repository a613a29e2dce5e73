//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting

/// A random history of lookups, stores and invalidations by several nodes of one store on real servers, which loses records,
/// forgets its bookkeeping, refuses writes or loses its answers meanwhile, while nodes end and start, and the clock of one is
/// wrong. No node finds what was invalidated before the lookup began.
///
/// An invalidation that failed holds for the node that was asked for it at once, and for all when that node has been able to
/// use the store again. An invalidation that the store has lost holds for the nodes that had read it, and for all when one
/// of them has used the store.
struct StoreHistory {
  /// The last versions of a resource that are void, and that are stale.
  private struct Floor {
    var hard = 0
    var soft = 0

    mutating func raise(to other: Floor) { (hard, soft) = (max(hard, other.hard), max(soft, other.soft)) }
  }

  /// What happened how often.
  private(set) var counts: [String: Int] = [:]
  /// What was found that should not have been, and how it came to that; nil if all was as it should be.
  private(set) var objection: String?

  private var world: any StoreWorld
  private var random: SplitMix64
  private var log: [String] = []
  /// The number of the last answer that an origin has given.
  private var version = 0
  /// For each key, what holds for all: the store has it.
  private var shared = Array(repeating: Floor(), count: keyCount)
  /// For each node and key: what the node has read in the store or was asked for.
  private var known: [[Floor]]
  /// For each node and key: what the node was asked for.
  private var asked: [[Floor]]
  private var fills: [(node: Int, key: Int, version: Int, stamp: InvalidationStamp)] = []
  private var isHurt = false

  private static let keyCount = 6

  private init(seed: UInt64, _ world: any StoreWorld) {
    self.world = world
    random = SplitMix64(seed: seed)
    known = Array(repeating: shared, count: world.nodes.count)
    asked = known
  }

  /// Plays the history that a seed stands for.
  static func play(seed: UInt64, steps: Int, in world: any StoreWorld) async throws -> StoreHistory {
    var history = StoreHistory(seed: seed, world)
    for _ in 0..<steps where history.objection == nil { try await history.step() }
    if history.isHurt { try await history.world.heal() }
    if let objection = history.objection {
      history.objection = "seed \(seed): \(objection)\n" + history.log.joined(separator: "\n")
    }
    await history.world.shutdown()
    return history
  }

  private mutating func step() async throws {
    if isHurt, Int.random(in: 0..<10, using: &random) == 0 { return try await heal() }
    let node = Int.random(in: world.nodes.indices, using: &random)
    let key = Int.random(in: 0..<Self.keyCount, using: &random)
    switch Int.random(in: 0..<100, using: &random) {
    case ..<75: await look(node, key)
    case ..<80: await finishFill()
    case ..<89: await invalidate(node, key)
    case ..<90: try await restart(node)
    case _ where isHurt: break
    case ..<95: try await world.save()
    case ..<97: try await lose()
    default: try await hurt()
    }
  }

  // MARK: What nodes do

  static func key(_ number: Int) -> CacheKey {
    CacheKey(scheme: "https", authority: "history.example.com", target: "/\(number / 3)/\(number)")
  }

  private static let neutral = CacheKey(scheme: "https", authority: "history.example.com", target: "/neutral")

  private func entry(_ key: Int, _ version: Int) -> CacheEntry {
    let now = world.clock.now
    let end = now.advanced(by: .seconds(360_000))
    return CacheEntry(
      key: Self.key(key), status: 200, fields: [:], body: Bytes("\(version)"),
      times: EntryTimes(
        birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
        reclaimAt: end), tags: CacheTags(["tag:\(key % 2)", "all"]))
  }

  /// Looks, and asks the origin when nothing is found.
  private mutating func look(_ node: Int, _ key: Int) async {
    // A node that may use a copy only has to heed what it was asked for itself.
    let asksStore = askStore()
    let unconfirmedUses = world.unconfirmedUses(by: node)
    guard let found = try? await world.nodes[node].lookup(Self.key(key)) else { return count("failed lookup") }
    var floor = asked[node][key]
    if world.unconfirmedUses(by: node) > unconfirmedUses {
      // A connection from before may be found broken only now.
      count("unconfirmed")
    } else if asksStore {
      floor.raise(to: known[node][key])
      floor.raise(to: shared[key])
      noteUse(of: node)
    }
    guard let entry = found.entry else {
      version += 1
      note("\(node) misses \(key), is answered \(version)")
      count("miss")
      fills.append((node, key, version, found.stamp))
      // Most responses are stored at once.
      if Int.random(in: 0..<4, using: &random) > 0 { await finishFill(fills.count - 1) }
      return
    }
    let version = Int(entry.body.description) ?? 0
    let isFresh = world.clock.now < entry.times.freshUntil
    note("\(node) finds \(key): \(version), \(isFresh ? "fresh" : "stale")")
    count(isFresh ? "hit" : "stale")
    if version <= floor.hard { objection = "\(key) is \(version), which was invalidated" }
    if version <= floor.soft, isFresh { objection = "\(key) is \(version) and fresh, which was made stale" }
  }

  /// Whether the next lookup has to ask the store. For half of those by nodes with copies time passes first.
  private mutating func askStore() -> Bool {
    guard let lifetime = world.copyLifetime else { return true }
    guard Bool.random(using: &random) else { return false }
    world.advance(by: lifetime)
    return !isHurt
  }

  private mutating func finishFill(_ index: Int? = nil) async {
    guard let index = index ?? fills.indices.randomElement(using: &random) else { return }
    let fill = fills.remove(at: index)
    let result = try? await world.nodes[fill.node].store(entry(fill.key, fill.version), stamp: fill.stamp)
    note("\(fill.node) stores \(fill.key), \(fill.version): \(result, default: "failed")")
    count(result == .stored ? "stored" : "not stored")
  }

  private mutating func invalidate(_ node: Int, _ key: Int) async {
    func keys(_ isConcerned: (Int) -> Bool) -> [Int] { (0..<Self.keyCount).filter(isConcerned) }
    let targets: [(CacheInvalidation.Target, [Int])] = [
      (.key(Self.key(key)), [key]), (.key(Self.key(key)), [key]),
      (.anyTag(["tag:\(key % 2)"]), keys { $0 % 2 == key % 2 }),
      (.allTags(["all", "tag:\(key % 2)"]), keys { $0 % 2 == key % 2 }),
      (.pathPrefix("/\(key / 3)/"), keys { $0 / 3 == key / 3 }), (.everything, keys { _ in true }),
    ]
    let (target, concerned) = targets[Int.random(in: 0..<targets.count, using: &random)]
    let mode: CacheInvalidation.Mode = Int.random(in: 0..<3, using: &random) == 0 ? .soft : .hard
    let floor = mode == .hard ? Floor(hard: version) : Floor(soft: version)
    for key in concerned {
      asked[node][key].raise(to: floor)
      known[node][key].raise(to: floor)
    }
    let receipt = try? await world.nodes[node].invalidate(CacheInvalidation(target, mode: mode))
    let isWritten = receipt?.isComplete ?? false
    if isWritten { for key in concerned { shared[key].raise(to: floor) } }
    note("\(node) invalidates \(target), \(mode), up to \(version), \(isWritten ? "written" : "not yet written")")
    count(isWritten ? "invalidated" : "failed invalidation")
  }

  /// A node has used the store: it has read what the store has, and, if it has written all, the store has what it knew.
  private mutating func noteUse(of node: Int) {
    for key in shared.indices { known[node][key].raise(to: shared[key]) }
    guard !isHurt, world.isSettled(node) else { return }
    for key in shared.indices { shared[key].raise(to: known[node][key]) }
  }

  private mutating func restart(_ node: Int) async throws {
    fills.removeAll { $0.node == node }
    try await world.restart(node)
    known[node] = Array(repeating: Floor(), count: Self.keyCount)
    asked[node] = known[node]
    note("\(node) is new")
    count("restart")
  }

  // MARK: What happens to the store

  private mutating func lose() async throws {
    let (text, isForgotten) = try await world.lose(&random)
    if isForgotten { shared = Array(repeating: Floor(), count: Self.keyCount) }
    note("the store loses \(text)")
    count("lost: \(text)")
  }

  private mutating func hurt() async throws {
    let text = try await world.hurt(&random)
    isHurt = true
    note("the store is hurt: \(text)")
    count("hurt: \(text)")
  }

  private mutating func heal() async throws {
    try await world.heal()
    note("the store is well again")
    for node in world.nodes.indices {
      let end = ContinuousClock.now + .seconds(20)
      while (try? await world.nodes[node].lookup(Self.neutral)) == nil || !world.isSettled(node) {
        guard ContinuousClock.now < end else {
          objection = "node \(node) does not use the store again"
          return
        }
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    isHurt = false
    for node in world.nodes.indices { noteUse(of: node) }
  }

  private mutating func count(_ what: String) { counts[what, default: 0] += 1 }
  private mutating func note(_ text: String) { log.append(text) }
}
