//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

/// Looks an entry up, asks the origin if there is none, and stores the response: as the backend does.
struct FillProcess: ModelProcess {
  private enum Phase {
    case start
    case found(seen: UInt64)
    case began(OperationRunner<BeginProbe>)
    case marks(Stored, BookkeepingView)
    case prepare(OperationRunner<CheckOperation>)
    case origin
    case slot
    case check(OperationRunner<CheckOperation>)
    case write
  }

  /// Begins the counter and the ledger.
  private struct BeginProbe: BookkeepingOperation {
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
        phase = .began(OperationRunner(BeginProbe(), node: node))
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
        OperationRunner(
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
      OperationRunner(
        CheckOperation(candidate, since: stamp, marks: marks, seen: world.nodes[node].seen, world.keys), node: node))
    return advance([], &world)
  }

  private struct Stored {
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
