//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

@testable import HTTPCache

@Suite struct ShardLockTests {
  /// Memory behind a lock, shared by threads.
  private final class Guarded: @unchecked Sendable {
    // @unchecked: `count` is only touched by who holds the lock.
    let lock = ShardLock()
    var count = 0
  }

  private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let done = DispatchGroup()
    for number in 0..<count {
      done.enter()
      Thread.detachNewThread {
        body(number)
        done.leave()
      }
    }
    done.wait()
  }

  @Test(.timeLimit(.minutes(5))) func `no two threads have it at a time`() {
    let guarded = Guarded()
    onThreads(8) { _ in
      for _ in 0..<20_000 {
        guarded.lock.lock()
        guarded.count += 1
        guarded.lock.unlock()
      }
    }
    #expect(guarded.count == 160_000)
  }

  @Test(.timeLimit(.minutes(5))) func `who waits for an owner that has lost its processor gets it afterwards`() {
    let guarded = Guarded()
    guarded.lock.lock()
    let started = DispatchSemaphore(value: 0)
    let finished = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      started.signal()
      guarded.lock.lock()
      guarded.count += 1
      guarded.lock.unlock()
      finished.signal()
    }
    started.wait()
    // Long enough for the other to have given up looking and yielding.
    Thread.sleep(forTimeInterval: 0.02)
    #expect(guarded.count == 0)
    guarded.lock.unlock()
    finished.wait()
    #expect(guarded.count == 1)
  }
}
