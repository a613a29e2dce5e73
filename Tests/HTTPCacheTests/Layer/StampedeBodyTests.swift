//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Bodies that several clients read while they arrive.
@Suite(.timeLimit(.minutes(5))) struct StampedeBodyTests {
  @Test func `followers read the body as it arrives`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let leading = service.call(.get("/"))
    let call = await origin.nextCall()
    let channel = BodyChannel()
    call.respond(CacheResponse(body: channel.body))
    let leader = try await leading.body.makeReader()
    #expect(await channel.write("first "))
    #expect(try await leader.next() == "first ")
    // Joins while the body is under way, and gets it from its beginning.
    let follower = try await service.call(.get("/"))
    #expect(follower.outcome == .collapsed)
    let reader = follower.body.makeReader()
    #expect(try await reader.next() == "first ")
    #expect(await channel.write("second"))
    #expect(try await reader.next() == "second")
    channel.finish()
    #expect(try await reader.next() == nil)
    #expect(try await leader.next() == "second")
    #expect(try await leader.next() == nil)
    await fixture.events.waitFor(.stored)
    #expect(try await service.call(.get("/")).text() == "first second")
    #expect(origin.callCount == 1)
  }

  @Test func `the reader who leaves last stops the stream at its source`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let answered = service.call(.get("/"))
    let call = await origin.nextCall()
    let source = EndlessSource()
    call.respond(CacheResponse(body: Body(source)))
    let reader = try await answered.body.makeReader()
    _ = try await reader.next()
    reader.cancel()
    await source.waitForCancellation()
    #expect(fixture.cache.statistics.stores == 0)
  }

  @Test func `a truncated response is an error for its readers, and is never stored`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let tasks = await fixture.crowd(3, service)
    let call = await origin.nextCall()
    let channel = BodyChannel(length: 10)
    call.respond(CacheResponse(body: channel.body))
    #expect(await channel.write("half"))
    channel.finish()
    for task in tasks {
      await #expect(throws: BodyError.truncated(expected: 10, received: 4)) { try await task.value }
    }
    #expect(fixture.cache.statistics.stores == 0)
    #expect(fixture.cache.statistics.refusals == [.truncated: 1])
  }

  @Test func `a stream that outgrows the limit flows on to its readers, unbuffered`() async throws {
    var policy = CachePolicy(maximumBodySize: 4096)
    policy.streamWindow = 4096
    let fixture = try Fixture(policy)
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let chunk = Bytes(String(repeating: "x", count: 1024))
    let tasks = (0..<20).map { _ in
      Task {
        var count = 0
        let reader = try await service.call(.get("/")).body.makeReader()
        while let chunk = try await reader.next() { count += chunk.count }
        return count
      }
    }
    await fixture.cache.waitForWaiters(20)
    let call = await origin.nextCall()
    let channel = BodyChannel(window: 1024)
    call.respond(CacheResponse(body: channel.body))
    for _ in 0..<1000 { #expect(await channel.write(chunk)) }
    channel.finish()
    for task in tasks { #expect(try await task.value == 1000 * 1024) }
    #expect(origin.callCount == 1)
    #expect(fixture.cache.statistics.refusals == [.tooLarge: 1])
    let entries = fixture.backend.statistics.entryCount
    #expect(entries == 0)
  }

  @Test func `a body that is announced as larger than the limit is read by each client at its own pace`() async throws {
    var policy = CachePolicy(maximumBodySize: 4096)
    policy.streamWindow = 4096
    let fixture = try Fixture(policy)
    let chunk = Bytes(String(repeating: "x", count: 1024))
    let origin = CountingOrigin { _, number in
      if number == 1 { await fixture.cache.waitForWaiters(3) }
      let channel = BodyChannel(window: 1024, length: 100 * 1024)
      Task {
        for _ in 0..<100 where await channel.write(chunk) {}
        channel.finish()
      }
      return CacheResponse(body: channel.body)
    }
    let service = origin.layer(fixture.cache)
    var readers: [BodyReader] = []
    let tasks = (0..<3).map { _ in Task { try await service.call(.get("/")).body.makeReader() } }
    for task in tasks { readers.append(try await task.value) }
    #expect(origin.count.value == 3)
    // The others read to the end while the first reads nothing.
    for reader in readers.dropFirst() {
      var count = 0
      while let bytes = try await reader.next() { count += bytes.count }
      #expect(count == 100 * 1024)
    }
    // Nor does anybody wait for a call that is under way: the first client's is.
    #expect(try await service.call(.get("/")).body.collect().count == 100 * 1024)
    #expect(origin.count.value == 4)
    readers[0].cancel()
  }

  @Test func `whoever comes after a stream has outgrown the limit waits for nobody`() async throws {
    let fixture = try Fixture(CachePolicy(maximumBodySize: 4096))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let chunk = Bytes(String(repeating: "x", count: 1024))
    async let first = service.call(.get("/")).text()
    let channel = BodyChannel(window: 1024)
    await origin.nextCall().respond(CacheResponse(body: channel.body))
    for _ in 0..<10 { #expect(await channel.write(chunk)) }
    channel.finish()
    #expect(try await first.utf8.count == 10 * 1024)
    // Two calls at a time, of which none has been answered.
    async let second = service.call(.get("/")).text()
    async let third = service.call(.get("/")).text()
    let calls = [await origin.nextCall(), await origin.nextCall()]
    for call in calls { call.respond(CacheResponse(body: "small")) }
    #expect(try await [second, third] == ["small", "small"])
  }

  @Test func `a slow reader of what is on probation does not hold up the others`() async throws {
    var policy = CachePolicy(maximumBodySize: 1 << 20)
    policy.streamWindow = 4096
    policy.admission = AdmissionPolicy(newKeyLimit: 0)
    let fixture = try Fixture(policy)
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let tasks = (0..<2).map { _ in Task { try await service.call(.get("/")).body.makeReader() } }
    await fixture.cache.waitForWaiters(2)
    let channel = BodyChannel(window: 1024)
    await origin.nextCall().respond(CacheResponse(body: channel.body))
    let slow = try await tasks[0].value
    let fast = try await tasks[1].value
    let chunk = Bytes(String(repeating: "x", count: 1024))
    for _ in 0..<100 {
      #expect(await channel.write(chunk))
      #expect(try await fast.next() == chunk)
    }
    channel.finish()
    #expect(try await fast.next() == nil)
    #expect(fixture.cache.statistics.refusals == [.probation: 1])
    #expect(fixture.cache.statistics.stores == 0)
    slow.cancel()
  }

  @Test func `a stream that outgrows the limit at once, before its client has the head, is not cut off`() async throws {
    var policy = CachePolicy(maximumBodySize: 4096)
    policy.streamWindow = 4096
    let fixture = try Fixture(policy)
    let chunk = Bytes(String(repeating: "x", count: 1024))
    let service = Handler { _ in
      CacheResponse(
        body: Body(
          AsyncStream { continuation in
            for _ in 0..<100 { continuation.yield(chunk) }
            continuation.finish()
          }))
    }.layer(fixture.cache)
    let response = try await service.call(.get("/"))
    #expect(try await response.body.collect().count == 100 * 1024)
    #expect(fixture.cache.statistics.refusals == [.tooLarge: 1])
  }
}

/// A body without end that notices being cancelled.
private final class EndlessSource: BodySource {
  private let state = Locked<(isCancelled: Bool, waiter: CheckedContinuation<Void, Never>?)>((false, nil))

  func next() async throws -> Bytes? {
    if state.withLock({ $0.isCancelled }) { throw CancellationError() }
    await Task.yield()
    return "more"
  }

  func cancel() {
    state.withLock { state in
      state.isCancelled = true
      defer { state.waiter = nil }
      return state.waiter
    }?.resume()
  }

  func waitForCancellation() async {
    await withCheckedContinuation { continuation in
      let isCancelled = state.withLock { state in
        if !state.isCancelled { state.waiter = continuation }
        return state.isCancelled
      }
      if isCancelled { continuation.resume() }
    }
  }
}
