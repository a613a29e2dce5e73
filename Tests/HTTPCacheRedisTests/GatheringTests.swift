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
  @Suite(.timeLimit(.minutes(1))) struct GatheringTests {
    @Test func `callers who ask at once are sent together, and one who comes later does not wait for more`()
      async throws
    {
      let server = try RedisServerProcess()
      let client = try await server.client()
      func reads() throws -> Int {
        let line = try server.command("INFO", "stats").split(whereSeparator: \.isNewline)
          .first { $0.hasPrefix("total_reads_processed:") }
        return try #require(line.flatMap { Int($0.drop { $0 != ":" }.dropFirst()) })
      }
      let before = try reads()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<16 {
          group.addTask {
            let command = RedisCommand("ECHO", [.integer(Int64(caller))])
            for _ in 0..<100 {
              let reply = try await client.send(command)
              #expect(reply.integer == Int64(caller))
            }
          }
        }
        try await group.waitForAll()
      }
      let writes = try reads() - before
      #expect(writes < 800)
      // Long before the time that a command may take.
      let begin = ContinuousClock.now
      for _ in 0..<10 { _ = try await client.send(RedisCommand("PING")) }
      #expect(ContinuousClock.now - begin < .seconds(1))
      await client.shutdown()
    }

    @Test func `what waits to be gathered is sent although no task gets its turn`() async throws {
      let server = try RedisServerProcess()
      var configuration = RedisConfiguration(mode: .single(server.endpoint))
      // What is not sent must not be taken for answered when the connection is given up for it.
      configuration.headOfLineTimeout = .seconds(10)
      let loop = try RedisEventLoop(commandTimeout: 10_000_000_000)
      let connection = RedisConnection(
        server.endpoint,
        settings: RedisConnection.Settings(
          configuration, signIn: SignIn(credentials: nil), counters: RedisCounters()), loop: loop)
      loop.add(connection)
      try await eventually("there is no connection") { connection.isActive }
      @Sendable func submit(_ command: RedisCommand) -> RedisError? {
        let now = MonotonicTime.now
        return connection.submit(RedisCall([command], deadline: now + 10_000_000_000), now: now)
      }
      @Sendable func isAnswered() -> Bool {
        // Without sleeping: the loop does not wait for more than a millisecond for those who ask next.
        let end = ContinuousClock.now + .seconds(3)
        while connection.queuedCommands > 0, ContinuousClock.now < end { sched_yield() }
        return connection.queuedCommands == 0
      }
      let isSent = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
        let thread = Thread {
          let count = ProcessInfo.processInfo.activeProcessorCount
          let held = DispatchSemaphore(value: 0)
          let begun = Locked(0)
          @Sendable func hold() {
            begun.withLock { $0 += 1 }
            held.wait()
          }
          for _ in 0..<count { Task.detached { hold() } }
          for _ in 0..<3000 where begun.withLock({ $0 }) < count { usleep(1000) }
          let isSent = (0..<10).allSatisfy { _ in
            // All answers come at once, after the first: there are many callers.
            _ = submit(RedisCommand("BLPOP", ["nothing", "0.01"]))
            for _ in 0..<16 { _ = submit(RedisCommand("PING")) }
            guard isAnswered() else { return false }
            return submit(RedisCommand("PING")) == nil && isAnswered()
          }
          for _ in 0..<count { held.signal() }
          continuation.resume(returning: isSent)
        }
        thread.start()
      }
      #expect(isSent)
      loop.stop()
      await loop.waitUntilStopped()
    }
  }
}
