//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting

@testable import HTTPCacheRedis

/// One random history of several processes and a server that loses records, refuses writes, and whose clock jumps.
struct LogHistory {
  /// An invalidation, and who has to heed it.
  private struct Invalidation {
    let invalidation: CacheInvalidation
    /// When it was made.
    let at: Int
    /// The process that has made it; nil when that process is gone.
    var node: Int?
    /// When everybody had to heed it, for the first time; nil while it has not been written.
    var heededFrom: Int?
    /// Whether the record may be lost, so that only those who knew it have to heed it.
    var isLost = false
  }

  private static let keys = ["/a", "/b", "/c"]
  private static let tags = ["x", "y", nil]
  private static let pageLimit = 3
  private static let length = 12

  private var generator: SplitMix64
  private var server = ModelServer()
  private var earlier: [ModelServer] = []
  private var nodes: [LogFollower]
  /// The processes that know of an invalidation because they have read its record.
  private var knowing = [[Int: Int]](repeating: [:], count: 3)
  private var invalidations: [Invalidation] = []
  private var now = 0
  private(set) var log: [String] = []
  private(set) var objection: String?
  /// How often something valid was found, and something of another meaning.
  private(set) var found = (valid: 0, stale: 0, void: 0)

  init(seed: UInt64) {
    generator = SplitMix64(seed: seed)
    nodes = (0..<3).map { _ in LogFollower(recordLimit: 1 << 10, pendingLimit: 4) }
  }

  private mutating func random(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
  private var instant: CacheInstant { CacheInstant(nanoseconds: Int64(now) * 1_000_000) }

  mutating func play(steps: Int) {
    for _ in 0..<steps where objection == nil {
      step()
    }
  }

  private mutating func step() {
    now += 1
    server.milliseconds += UInt64(random(0..<3))
    let node = random(0..<nodes.count)
    switch random(0..<100) {
    case 0..<40: lookUp(node)
    case 40..<70: store(node)
    case 70..<80: invalidate(node)
    case 80..<86: settle(node)
    case 86..<89: earlier.append(server)
    case 89..<92: fallBack()
    case 92: clear()
    case 93: damage()
    case 94:
      server.milliseconds = max(1_000, server.milliseconds &+ UInt64(bitPattern: Int64(random(-400..<400))))
      log.append("\(now): the clock is \(server.milliseconds)")
    case 95, 96:
      server.takesWrites.toggle()
      log.append("\(now): writes \(server.takesWrites)")
    case 97: restart(node)
    default: settle(node)
    }
  }

  // MARK: What processes do

  /// The part of ``InvalidationStream`` that deals with what the server says.
  private mutating func advance(_ node: Int) -> Bool {
    for _ in 0..<12 {
      guard let position = nodes[node].position else {
        guard readFromBeginning(node) else { return false }
        continue
      }
      let page = server.page(from: position.record.id, limit: Self.pageLimit)
      switch nodes[node].take(page, from: position, limit: Self.pageLimit, moment: { _ in .distantPast }) {
      case .complete: return true
      case .more: continue
      case .unknown: guard readFromBeginning(node) else { return false }
      case .unreadable: return false
      }
    }
    return false
  }

  private mutating func readFromBeginning(_ node: Int) -> Bool {
    for _ in 0..<3 {
      var reading = LogReading(known: nodes[node].mirror?.last, recordLimit: 1 << 10)
      while case .records(let records) = server.page(from: reading.last?.id, limit: Self.pageLimit) {
        reading.take(records) { _ in .distantPast }
        if records.count < Self.pageLimit { break }
      }
      if reading.mirror != nil {
        nodes[node].adopt(reading, at: instant)
        return true
      }
      guard server.append([], above: nodes[node].lowerBound, length: Self.length) else { return false }
    }
    return false
  }

  /// Reads, and writes what waits.
  private mutating func settle(_ node: Int) {
    guard advance(node) else { return }
    write(node)
    guard advance(node), nodes[node].pending.isEmpty else { return }
    // Whatever this process knew holds for all from now on.
    for index in invalidations.indices where invalidations[index].isLost && knows(node, index) {
      invalidations[index].isLost = false
      invalidations[index].heededFrom = now
    }
  }

  private mutating func write(_ node: Int) {
    for item in nodes[node].pending.due(limit: 64) {
      let payloads = (try? InvalidationRecord.payloads(of: item.invalidation)) ?? []
      guard server.append(payloads, above: nodes[node].lowerBound, length: Self.length), advance(node) else { return }
      nodes[node].pending.remove(item.number)
    }
  }

  private func knows(_ node: Int, _ index: Int) -> Bool {
    invalidations[index].node == node || knowing[node][index] != nil
  }

  private mutating func note(_ node: Int) {
    for index in invalidations.indices where invalidations[index].heededFrom != nil && !invalidations[index].isLost {
      knowing[node][index] = now
    }
  }

  private mutating func lookUp(_ node: Int) {
    let key = Self.keys[random(0..<Self.keys.count)]
    let begin = now
    let entry = server.entries[key]
    // Others may do something between the entry's being read and the log's.
    if random(0..<5) == 0 {
      now += 1
      let other = (node + 1) % nodes.count
      if random(0..<2) == 0 { invalidate(other) } else { settle(other) }
    }
    guard advance(node) else { return }
    note(node)
    guard let entry else { return }
    let cacheKey = CacheKey(scheme: "https", authority: "e", target: key)
    let verdict = nodes[node].verdict(
      key: cacheKey, tags: CacheTags(entry.tag.map { [$0] } ?? []), log: entry.log, since: entry.stamp)
    if verdict == .void,
      nodes[node].noteLoss(
        log: entry.log, stamp: entry.stamp, at: instant, unixNow: UnixTime(milliseconds: Int64(server.milliseconds)))
    {
      log.append("\(now): node \(node) takes \(key) for evidence")
    }
    log.append("\(begin): node \(node) finds \(key), asked for at \(entry.askedAt): \(verdict)")
    switch verdict {
    case .void: found.void += 1
    case .stale: found.stale += 1
    case .valid: found.valid += 1
    }
    guard verdict != .void else { return }
    for (index, made) in invalidations.enumerated() where made.at > entry.askedAt {
      guard made.invalidation.concerns(key: cacheKey, tags: entry.tag.map { [$0] } ?? []) else { continue }
      if case .stale = verdict, made.invalidation.mode == .soft { continue }
      let isHeeded = made.heededFrom.map { $0 < begin && !made.isLost } ?? false
      let isKnown = (made.node == node && made.at < begin) || (knowing[node][index].map { $0 < begin } ?? false)
      if isHeeded || isKnown {
        objection =
          "node \(node) uses \(key) at \(begin), which was asked for at \(entry.askedAt) and invalidated at \(made.at)"
      }
    }
  }

  private mutating func store(_ node: Int) {
    guard advance(node), let mirror = nodes[node].mirror else { return }
    note(node)
    let key = Self.keys[random(0..<Self.keys.count)]
    let tag = Self.tags[random(0..<Self.tags.count)]
    let (stamp, askedAt) = (mirror.last.id.number, now)
    // The response takes its time.
    if random(0..<3) == 0 {
      now += 1
      let other = random(0..<nodes.count)
      if random(0..<2) == 0 { invalidate(other) } else { settle(other) }
    }
    guard server.takesWrites, let log = nodes[node].mirror?.log else { return }
    let cacheKey = CacheKey(scheme: "https", authority: "e", target: key)
    let tags = CacheTags(tag.map { [$0] } ?? [])
    guard nodes[node].verdict(key: cacheKey, tags: tags, log: log, since: stamp) != .void else { return }
    server.entries[key] = ModelServer.Entry(tag: tag, log: log, stamp: stamp, askedAt: askedAt)
    self.log.append("\(now): node \(node) stores \(key) \(tag ?? ""), asked for at \(askedAt)")
  }

  private mutating func invalidate(_ node: Int) {
    let targets: [CacheInvalidation.Target] = [
      .key(CacheKey(scheme: "https", authority: "e", target: Self.keys[random(0..<Self.keys.count)])),
      .anyTag(["x"]), .anyTag(["y", "z"]), .pathPrefix("/a"), .everything,
    ]
    let choice = random(0..<24) == 0 ? 8 : random(0..<8)
    let invalidation = CacheInvalidation(
      targets[choice < 4 ? 0 : choice - 4], mode: random(0..<4) == 0 ? .soft : .hard)
    let item = nodes[node].pending.begin(invalidation, at: instant)
    var made = Invalidation(invalidation: invalidation, at: now, node: node)
    let payloads = (try? InvalidationRecord.payloads(of: invalidation)) ?? []
    let isWritten = server.append(payloads, above: nodes[node].lowerBound, length: Self.length)
    // Sometimes it is written and the answer is lost.
    if isWritten, random(0..<10) > 0 {
      made.heededFrom = now
      if advance(node) { nodes[node].pending.remove(item.number) } else { _ = nodes[node].pending.failed(item.number) }
    } else {
      _ = nodes[node].pending.failed(item.number)
    }
    log.append("\(now): node \(node) invalidates \(invalidation.target) \(invalidation.mode), written: \(isWritten)")
    invalidations.append(made)
  }

  // MARK: What happens to them

  private mutating func fallBack() {
    guard let state = earlier.last else { return }
    let lost = Set(server.records.map(\.id)).subtracting(state.records.map(\.id))
    server.fallBack(to: state)
    earlier.removeAll()
    log.append("\(now): the server has lost \(lost.count) records")
    // Which of them were lost does not matter: those that are there are heeded anyway.
    for index in invalidations.indices where invalidations[index].heededFrom != nil {
      invalidations[index].isLost = true
    }
  }

  private mutating func clear() {
    server.removeLog()
    log.append("\(now): the log is gone")
  }

  private mutating func damage() {
    if random(0..<2) == 0, !server.records.isEmpty {
      let index = random(0..<server.records.count)
      server.removeRecord(at: index)
      for index in invalidations.indices where invalidations[index].heededFrom != nil {
        invalidations[index].isLost = true
      }
      log.append("\(now): record \(index) of \(server.records.count + 1) is removed")
    } else {
      server.addNonsense()
      log.append("\(now): there is nonsense in the log")
    }
  }

  private mutating func restart(_ node: Int) {
    nodes[node] = LogFollower(recordLimit: 1 << 10, pendingLimit: 4)
    knowing[node] = [:]
    for index in invalidations.indices where invalidations[index].node == node { invalidations[index].node = nil }
    log.append("\(now): node \(node) is new")
  }
}
