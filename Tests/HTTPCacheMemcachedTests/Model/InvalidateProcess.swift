//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

/// Tells the host of an invalidation.
struct InvalidateProcess: ModelProcess {
  private enum Phase {
    case mark(OperationRunner<MarkOperation>)
    case number(OperationRunner<NumberOperation>)
    case ledger(OperationRunner<LedgerOperation>)
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
        OperationRunner(MarkOperation([world.bucket(page)], mode, at: moment, slot: slot, world.keys), node: node))
    case .anyTag(let tags):
      phase = .mark(
        OperationRunner(MarkOperation(tags.map { world.mark($0) }, mode, at: moment, world.keys), node: node))
    default: phase = .number(OperationRunner(NumberOperation(world.keys), node: node))
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
        phase = .ledger(OperationRunner(LedgerOperation([change], over: result.ledger, world.keys), node: node))
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
