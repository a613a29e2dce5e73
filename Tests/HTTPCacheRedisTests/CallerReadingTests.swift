//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Dispatch
import Foundation
import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  /// Callers that wait for their answers in their own threads (``RedisConfiguration/callerWaitLimit``).
  @Suite(.timeLimit(.minutes(5))) struct CallerReadingTests {
    /// A connection, and the loop that it shares with nobody.
    private struct Line: Sendable {
      let loop: RedisEventLoop
      let connection: RedisConnection

      init(to server: RedisServerProcess, limit: Duration = .milliseconds(1)) async throws {
        var configuration = RedisConfiguration(mode: .single(server.endpoint))
        configuration.headOfLineTimeout = .seconds(10)
        configuration.reconnect = .init(minimum: .milliseconds(5), maximum: .milliseconds(100))
        let settings = RedisConnection.Settings(
          configuration, signIn: SignIn(credentials: nil), counters: RedisCounters(), callerWait: limit)
        loop = try RedisEventLoop(commandTimeout: 10_000_000_000)
        let connection = RedisConnection(server.endpoint, settings: settings, loop: loop)
        self.connection = connection
        loop.add(connection)
        try await eventually("there is no connection") { connection.isActive }
      }

      var isCallersTurn: Bool { connection.shared.withLock { $0.turn.isCallers } }

      func send(_ command: RedisCommand) async throws -> RedisReply {
        let now = MonotonicTime.now
        let call = RedisCall(.one(command), deadline: now + 10_000_000_000)
        if let refusal = connection.submit(call, now: now) { throw refusal }
        return try #require(try await call.outcome().get().first)
      }

      /// Asks until callers are trusted to be alone.
      func becomeAlone() async throws {
        try await eventually("callers never get their turn") {
          for _ in 0..<50 where !isCallersTurn {
            _ = try await send(RedisCommand("PING"))
            // So that the loop can go to sleep before the next.
            try await Task.sleep(for: .microseconds(100))
          }
          return isCallersTurn
        }
      }

      func stop() async {
        loop.stop()
        await loop.waitUntilStopped()
      }
    }

    @Test func `an answer comes to a sole caller although the loop's thread is held up`() async throws {
      let server = try RedisServerProcess()
      let line = try await Line(to: server)
      // On a machine that is busy one may wait in vain, and then nobody tries for a while.
      try await eventually("no answer comes without the loop") {
        try await line.becomeAlone()
        let held = DispatchSemaphore(value: 0)
        let isHeld = Locked(false)
        line.loop.execute {
          isHeld.withLock { $0 = true }
          held.wait()
        }
        try await eventually("the loop does not come") { isHeld.withLock { $0 } }
        var answered: Int64 = 0
        while answered < 20, line.isCallersTurn {
          let now = MonotonicTime.now
          let call = RedisCall(.one(RedisCommand("ECHO", [.integer(answered)])), deadline: now + 10_000_000_000)
          #expect(line.connection.submit(call, now: now) == nil)
          guard call.isSettled else { break }
          #expect(try await call.outcome().get().first?.integer == answered)
          answered += 1
        }
        held.signal()
        return answered > 0
      }
      #expect(try await line.send(RedisCommand("PING")).text == "PONG")
      await line.stop()
    }

    @Test func `callers who are alone for a while and not for another get their own answers, and all of them`()
      async throws
    {
      let server = try RedisServerProcess()
      let line = try await Line(to: server, limit: .microseconds(150))
      for round in 0..<20 {
        try await line.becomeAlone()
        for number in 0..<50 {
          #expect(try await line.send(RedisCommand("ECHO", [.integer(Int64(number))])).integer == Int64(number))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for caller in 0..<(1 + round % 4) {
            group.addTask {
              for number in 0..<100 {
                let expected = Int64(caller * 1000 + number)
                let reply = try await line.send(RedisCommand("ECHO", [.integer(expected)]))
                #expect(reply.integer == expected)
              }
            }
          }
          try await group.waitForAll()
        }
      }
      await line.stop()
    }

    @Test func `a server that takes longer holds no thread up, and its answer comes all the same`() async throws {
      let server = try RedisServerProcess()
      let line = try await Line(to: server)
      try await line.becomeAlone()
      let now = MonotonicTime.now
      let call = RedisCall(.one(RedisCommand("BLPOP", ["nothing", "0.2"])), deadline: now + 10_000_000_000)
      #expect(line.connection.submit(call, now: now) == nil)
      // Back long before the answer, and the loop has taken over.
      #expect(!call.isSettled)
      #expect(!line.isCallersTurn)
      _ = try await call.outcome().get()
      #expect(try await line.send(RedisCommand("PING")).text == "PONG")
      await line.stop()
    }

    @Test func `large values come whole, and commands that are too large to be sent at once are answered`() async throws
    {
      let server = try RedisServerProcess()
      let line = try await Line(to: server, limit: .microseconds(150))
      let value = Bytes((0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) })
      for _ in 0..<5 {
        try await line.becomeAlone()
        let set = RedisCommand("SET", [.text("large"), .bytes(value)])
        #expect(try await line.send(set).text == "OK")
        try await line.becomeAlone()
        guard case .bulk(let read) = try await line.send(RedisCommand("GET", [.text("large")])) else {
          Issue.record("no value")
          break
        }
        #expect(read == value)
      }
      await line.stop()
    }

    @Test(arguments: [false, true])
    func `a server that is killed while callers read is noticed, and found again`(whileAsking: Bool) async throws {
      let server = try RedisServerProcess()
      let line = try await Line(to: server)
      try await line.becomeAlone()
      if whileAsking {
        let asking = Task { try await line.send(RedisCommand("BLPOP", ["nothing", "0"])) }
        try await eventually("nobody asks") { line.connection.queuedCommands == 1 }
        server.kill()
        await #expect(throws: RedisError.self) { try await asking.value }
      } else {
        server.kill()
      }
      // Nobody has asked anything: the loop looks for the end of the connection all the same.
      try await eventually("the loss is not noticed") { !line.connection.isActive }
      try server.start()
      try await eventually("it is not found again") { line.connection.isActive }
      try await line.becomeAlone()
      #expect(try await line.send(RedisCommand("PING")).text == "PONG")
      await line.stop()
    }

    @Test func `who has given up leaves a place, and the next gets its own answer`() async throws {
      let server = try RedisServerProcess()
      let line = try await Line(to: server)
      for _ in 0..<5 {
        try await line.becomeAlone()
        let now = MonotonicTime.now
        let call = RedisCall(.one(RedisCommand("BLPOP", ["nothing", "0.2"])), deadline: now + 10_000_000_000)
        #expect(line.connection.submit(call, now: now) == nil)
        let slow = Task { try await call.outcome().get() }
        slow.cancel()
        // Given up, or answered if this machine is slower than the server was meant to be.
        _ = await slow.result
        #expect(try await line.send(RedisCommand("ECHO", [.integer(7)])).integer == 7)
      }
      await line.stop()
    }

    @Test func `a limit that is no sensible one is refused`() {
      for limit in [Duration.microseconds(-1), .milliseconds(2)] {
        let configuration = RedisConfiguration(callerWaitLimit: limit)
        #expect(throws: CacheConfigurationError.self) { try configuration.validate() }
      }
    }
  }
}
