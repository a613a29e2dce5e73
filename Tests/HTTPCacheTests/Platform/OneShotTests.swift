//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite("One-shot value", .timeLimit(.minutes(5)))
struct OneShotTests {
  @Test func onlyTheFirstValueCounts() async {
    let value = OneShot<Int>()
    #expect(value.current == nil)
    #expect(value.finish(1))
    #expect(!value.finish(2))
    #expect(await value.value() == 1)
    #expect(value.current == 1)
  }

  @Test func allWaitersGetTheValue() async {
    let value = OneShot<Int>()
    await withTaskGroup(of: Int?.self) { group in
      for _ in 0..<100 { group.addTask { await value.value() } }
      group.addTask {
        await Task.yield()
        value.finish(7)
        return 7
      }
      for await result in group { #expect(result == 7) }
    }
  }

  @Test func aCancelledWaiterGoesAloneAndAtOnce() async {
    let value = OneShot<Int>()
    let staying = Task { await value.value() }
    let going = Task { await value.value() }
    going.cancel()
    #expect(await going.value == nil)
    value.finish(3)
    #expect(await staying.value == 3)
    let late = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return await value.value()
    }
    #expect(await late.value == 3)
  }
}
