//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

/// Carries out an operation, and begins the counter and the ledger when it asks for that.
struct OperationRunner<Operation: BookkeepingOperation> {
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
