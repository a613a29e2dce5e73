//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite(.timeLimit(.minutes(5))) struct BodyChannelTests {
  @Test func `the writer is told once when the reader cancels`() async {
    let count = Locked(0)
    let channel = BodyChannel { count.withLock { $0 += 1 } }
    let body = channel.body
    #expect(await channel.write("a"))
    #expect(count.withLock { $0 } == 0 && !channel.isCancelled)
    body.cancel()
    body.cancel()
    #expect(count.withLock { $0 } == 1 && channel.isCancelled)
    #expect(await channel.write("b") == false)
    channel.finish()
  }

  @Test func `the writer is told when the body is dropped unread`() async {
    let count = Locked(0)
    let channel = BodyChannel { count.withLock { $0 += 1 } }
    do {
      let body = channel.body
      #expect(await channel.write("a"))
      _ = body
    }
    #expect(count.withLock { $0 } == 1)
    await #expect(throws: BodyError.cancelled) { try await channel.body.collect() }
  }

  @Test func `a writer that waits for the reader is woken, and told`() async {
    let told = OneShot<Void>()
    let channel = BodyChannel(window: 4) { told.finish(()) }
    let body = channel.body
    let writing = Task { await channel.write("more than the window") }
    while await Task.detached(operation: { !channel.isCancelled && writing.isCancelled }).value {}
    body.cancel()
    #expect(await writing.value == false)
    #expect(await told.value() != nil)
  }

  @Test func `nobody is told of a body that was read to its end`() async throws {
    let count = Locked(0)
    let channel = BodyChannel(length: 2) { count.withLock { $0 += 1 } }
    let body = channel.body
    #expect(body.length == 2)
    #expect(await channel.write("ab"))
    channel.finish(trailers: ["X-Sum": "1"])
    let reader = body.makeReader()
    #expect(try await reader.next() == "ab")
    #expect(try await reader.next() == nil)
    #expect(reader.trailers?["X-Sum"] == "1")
    body.cancel()
    #expect(count.withLock { $0 } == 0)
  }

  @Test func `the body is the same however often it is asked for, and written before that too`() async throws {
    let channel = BodyChannel()
    #expect(await channel.write("a"))
    let first = channel.body
    let second = channel.body
    channel.finish()
    let reader = first.makeReader()
    #expect(try await reader.next() == "a")
    #expect(try await second.makeReader().next() == nil)
  }
}
