//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Evicts what a model of reuse (``ReuseModel``) finds the least worth its room.
///
/// Nothing is kept in order. A use updates the node's history and one counter; eviction looks at a few nodes, going round the
/// slab, and at the worst that earlier looks have found, which comes as close to the worst of all as makes no difference.
/// Half of an entry's size (on a logarithmic scale) counts against it: small entries make hits cheaply, large ones carry
/// bytes, and this serves both ratios. What has just come in is judged like everything else, so it may go at once.
struct ReusePolicy: ~Copyable, ShardPolicy {
  private struct Candidate {
    var worth: Float
    var index: Int32
  }

  /// How many nodes an eviction looks at afresh.
  private static let freshCount = 16
  /// How many of the worst are kept for the next eviction.
  private static let poolSize = 8
  /// How many keys that are gone are remembered for each entry that is there, at least, and in any case.
  private static let memoryFactor = 4
  private static let minimumMemory = 2048
  private static let maximumMemory = 1 << 24
  /// How many nodes, and how many remembered keys, are counted at most before an update of the model.
  private static let censusSize = 4096

  private var model = ReuseModel()
  private var memory: ReuseMemory
  /// Uses of the shard so far.
  private var now: UInt32 = 0
  private var count = 0
  private var nextUpdate: UInt32 = 64
  private var newest = EntryNode.none
  private var cursor: Int32 = 0
  /// The worst, worst first; room for two lists.
  private let candidates: UnsafeMutablePointer<Candidate>
  private var candidateCount = 0

  init() {
    memory = ReuseMemory(capacity: Self.minimumMemory)
    candidates = .allocate(capacity: 2 * (Self.poolSize + 1))
  }

  deinit {
    candidates.deallocate()
  }

  /// Notes that a node was used.
  @inline(__always)
  mutating func touch(_ index: Int32, in slab: inout NodeSlab) {
    now &+= 1
    var history = slab[index].history
    model.noteReuse(history, at: now)
    history.use(at: now)
    slab[index].history = history
  }

  mutating func insert(_ index: Int32, in slab: inout NodeSlab) {
    now &+= 1
    count += 1
    if var history = memory.take(slab.hash(of: index), at: now) {
      model.noteReuse(history, at: now)
      history.use(at: now)
      slab[index].history = history
    } else {
      slab[index].history = ReuseHistory(lastUse: now)
    }
    resize(index, to: slab[index].weight, in: &slab)
    slab[index].queue = 1
    newest = index
    if Int32(bitPattern: now &- nextUpdate) >= 0 { update(slab) }
  }

  mutating func remove(_ index: Int32, in slab: inout NodeSlab) {
    count -= 1
    // Its key may well come back, and then it is good to know how it was used.
    if let forgotten = memory.insert(slab[index].history, hash: slab.hash(of: index), at: now) {
      model.noteDeparture(forgotten, at: now)
    }
    if count * Self.memoryFactor > memory.capacity, memory.capacity < Self.maximumMemory { memory.grow(at: now) }
  }

  mutating func resize(_ index: Int32, to weight: Int, in slab: inout NodeSlab) {
    slab[index].weight = weight
    slab[index].sizeFactor = 1 / Float(max(weight, 1)).squareRoot()
  }

  mutating func evict(from slab: inout NodeSlab) -> Int32 {
    // The list is built anew behind the old one, then moved to the front.
    let old = candidates
    let oldCount = candidateCount
    candidateCount = 0
    for position in 0..<oldCount { consider(old[position].index, in: slab) }
    consider(newest, in: slab)
    var fresh = 0
    var looked: Int32 = 0
    while fresh < Self.freshCount, looked < slab.used {
      if cursor >= slab.used { cursor = 0 }
      if slab[cursor].queue != 0 {
        consider(cursor, in: slab)
        fresh += 1
      }
      cursor += 1
      looked += 1
    }
    guard candidateCount > 0 else { return EntryNode.none }
    let list = candidates + Self.poolSize + 1
    let victim = list[0].index
    candidateCount -= 1
    candidates.update(from: list + 1, count: candidateCount)
    remove(victim, in: &slab)
    return victim
  }

  /// Puts a node into the list if it is among the worst.
  @inline(__always)
  private mutating func consider(_ index: Int32, in slab: borrowing NodeSlab) {
    // What the list names may be gone since, and even the slab may be a new one.
    guard index != EntryNode.none, index < slab.used, slab[index].queue != 0 else { return }
    let worth = model.worth(of: slab[index].history, at: now) * slab[index].sizeFactor
    let list = candidates + Self.poolSize + 1
    // Among equals the youngest goes first: where nothing speaks for a change, nothing is changed.
    func isWorse(than other: Candidate) -> Bool {
      worth < other.worth || worth == other.worth && slab[index].lastUsed > slab[other.index].lastUsed
    }
    if candidateCount == Self.poolSize + 1, !isWorse(than: list[candidateCount - 1]) { return }
    for position in 0..<candidateCount where list[position].index == index { return }
    var position = min(candidateCount, Self.poolSize)
    while position > 0, isWorse(than: list[position - 1]) {
      list[position] = list[position - 1]
      position -= 1
    }
    list[position] = Candidate(worth: worth, index: index)
    candidateCount = min(candidateCount + 1, Self.poolSize + 1)
  }

  /// Brings the model up to date.
  @inline(never)
  private mutating func update(_ slab: borrowing NodeSlab) {
    let now = now
    let nodeStep = max(Int(slab.used) / Self.censusSize, 1)
    var index = Int(now) % nodeStep
    while index < slab.used {
      if slab[Int32(index)].queue != 0 {
        model.notePending(slab[Int32(index)].history, at: now, count: Float(nodeStep))
      }
      index += nodeStep
    }
    let setCount = min(memory.setCount, Self.censusSize / 8)
    let share = Float(memory.setCount / setCount)
    memory.forEach(fromSet: Int(now &* 0x9E37) % memory.setCount, count: setCount, at: now) { history in
      model.notePending(history, at: now, count: share)
    }
    model.update()
    model.age(limit: max(4000, Float(20 * (count + memory.capacity))))
    let step = UInt32(max(count, 64))
    nextUpdate = now &+ (now < step ? max(now / 2, 64) : step)
  }

  /// The shard with the most entries goes first. Keys are spread evenly by their hashes, so where one shard has more entries
  /// than another, it has more of the kind that is not worth keeping.
  func rank(in slab: borrowing NodeSlab) -> Int64 { count == 0 ? .max : -Int64(count) }

  var byteCount: Int { model.byteCount + memory.byteCount }

  func inconsistency(in slab: borrowing NodeSlab) -> String? {
    var live = 0
    for index in 0..<slab.used where slab[index].queue != 0 { live += 1 }
    return live == count ? nil : "\(live) nodes are live, \(count) are counted"
  }
}

/// This policy needs no links, so the words for them hold what it needs instead.
extension EntryNode {
  fileprivate var history: ReuseHistory {
    @inline(__always) get {
      ReuseHistory(
        lastUse: UInt32(truncatingIfNeeded: lastUsed), gap: Float(bitPattern: UInt32(bitPattern: previous)), uses: uses)
    }
    @inline(__always) set {
      lastUsed = Int64(newValue.lastUse)
      previous = Int32(bitPattern: newValue.gap.bitPattern)
      uses = newValue.uses
    }
  }

  /// By which the worth of its hits is multiplied: one over the square root of the weight.
  fileprivate var sizeFactor: Float {
    @inline(__always) get { Float(bitPattern: UInt32(bitPattern: next)) }
    @inline(__always) set { next = Int32(bitPattern: newValue.bitPattern) }
  }
}
