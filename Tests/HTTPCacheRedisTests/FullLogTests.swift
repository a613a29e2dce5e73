//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  /// Logs as long as they get.
  @Suite(.timeLimit(.minutes(5))) struct FullLogTests: RedisNodes {
    private func fill(_ server: RedisServerProcess, _ backend: RedisBackend, _ count: Int) async throws {
      let subjects = (0..<count).map { CacheInvalidation(.key(key("/\($0)"))) }
      for start in stride(from: 0, to: count, by: 4_096) {
        let payloads = try subjects[start..<min(count, start + 4_096)].flatMap {
          try InvalidationRecord.payloads(of: $0)
        }
        let arguments = LogScript.arguments(
          payloads, from: nil, count: 1, above: StreamID(number: 0), length: 1 << 20)
        _ = try await backend.redis.evaluate(LogScript.append, keys: [backend.keys.log], arguments: arguments)
      }
      #expect(try #require(Int(server.command("XLEN", "swift-http-cache:log"))) >= count)
    }

    @Test func `are read once, whoever asks at the same time`() async throws {
      let server = try RedisServerProcess()
      let writer = try await node(server)
      try await fill(server, writer, 65_536)
      let reader = try await node(server) {
        $0.commandTimeout = .seconds(20)
        $0.headOfLineTimeout = .seconds(20)
      }
      let before = reader.statistics.commands
      let begin = ContinuousClock.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<100 { group.addTask { _ = try await reader.lookup(self.key("/\(number)")) } }
        try await group.waitForAll()
      }
      print("100 lookups at once and 65,536 records: \(ContinuousClock.now - begin)")
      // Each lookup two, one to prolong the log's life, and the pages.
      #expect(reader.statistics.commands - before < 100 * 2 + 1 + 65_536 / 1_000)
      for backend in [writer, reader] { await backend.shutdown() }
    }

    @Test func `hold nobody up for longer than the command timeout, however far the server is`() async throws {
      let server = try RedisServerProcess()
      let writer = try await node(server)
      try await fill(server, writer, 65_536)
      let proxy = try FaultyProxy(to: server.port)
      proxy.fault = .init(delay: .milliseconds(50))
      let reader = try await node(server) {
        $0.mode = .single(.tcp(port: proxy.port))
        $0.commandTimeout = .milliseconds(250)
      }
      let begin = ContinuousClock.now
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<100 { group.addTask { _ = try? await reader.lookup(self.key("/\(number)")) } }
        await group.waitForAll()
      }
      // Twice the limit for a busy machine.
      #expect(ContinuousClock.now - begin < .milliseconds(750))
      try await eventually("it is never read") { (try? await reader.lookup(key("/a"))) != nil }
      print("65,536 records, 50 ms away in each direction: \(ContinuousClock.now - begin)")
      proxy.close()
      for backend in [writer, reader] { await backend.shutdown() }
    }

    @Test func `hold nobody up once the reading has taken longer than that`() async throws {
      let server = try RedisServerProcess()
      let writer = try await node(server)
      try await fill(server, writer, 20_000)
      let proxy = try FaultyProxy(to: server.port)
      let reader = try await node(server) {
        $0.mode = .single(.tcp(port: proxy.port))
        ($0.commandTimeout, $0.headOfLineTimeout) = (.seconds(1), .seconds(20))
      }
      // Each page takes 800 ms, and there are several.
      proxy.fault = .init(delay: .milliseconds(400))
      await #expect(throws: CacheError.self) { try await reader.lookup(key("/a")) }
      let begin = ContinuousClock.now
      for _ in 0..<3 { await #expect(throws: CacheError.self) { try await reader.lookup(key("/a")) } }
      #expect(ContinuousClock.now - begin < .seconds(1), "three requests wait less than one timeout")
      proxy.fault = .init()
      try await eventually("it is never read") { (try? await reader.lookup(key("/a"))) != nil }
      proxy.close()
      for backend in [writer, reader] { await backend.shutdown() }
    }

    @Test func `are read in pages that arrive in time`() async throws {
      let server = try RedisServerProcess()
      let writer = try await node(server)
      try await fill(server, writer, 20_000)
      let reader = try await node(server) { $0.commandTimeout = .milliseconds(100) }
      server.pause()
      let first = Task { try await reader.lookup(self.key("/a")) }
      await #expect(throws: CacheError.self) { try await first.value }
      server.resume()
      try await eventually("it is never read") { (try? await reader.lookup(key("/a"))) != nil }
      for backend in [writer, reader] { await backend.shutdown() }
    }
  }
}
