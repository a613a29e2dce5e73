//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

/// A random interleaving of lookups, stores and invalidations by nodes whose clocks differ, on a host that forgets, and what
/// may be served in it.
struct BookkeepingHistory {
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

  struct Running {
    var process: any ModelProcess
    var commands: ArraySlice<MemcachedCommand> = []
    var replies: [MemcachedReply] = []
    var isStarted = false
  }

  struct Record {
    var invalidation: CacheInvalidation
    var from: Int
    var at: Int?
  }

  private static let space = MemcachedKeySpace(namespace: "model")
  let keys = BookkeepingKeys(space)
  var host = ModelHost()
  private(set) var nodes: [Node]
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
      running.append(Running(process: FillProcess(node: node, page: page, begunAt: step)))
      return
    }
    let targets: [CacheInvalidation.Target] = [
      .key(key(page)), .anyTag(["a"]), .anyTag(["a", "b"]), .allTags(["a", "b"]), .pathPrefix("/\(page)"), .everything,
    ]
    let target = targets[Int.random(in: 0..<targets.count, using: &random)]
    var invalidation = CacheInvalidation(target)
    if case .key = target {} else if Bool.random(using: &random) { invalidation.mode = .soft }
    records.append(Record(invalidation: invalidation, from: step))
    running.append(Running(process: InvalidateProcess(node: node, invalidation, records.count - 1, self)))
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
