//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  @Suite(.timeLimit(.minutes(5))) struct LargeValueTests: RedisNodes {
    /// A node behind a link on which 8 MB take 8 seconds on each connection, and the stamp for what it stores.
    private func slowNode(
      _ server: RedisServerProcess, _ proxy: FaultyProxy, _ change: (inout RedisConfiguration) -> Void = { _ in }
    ) async throws -> RedisBackend {
      proxy.fault = .init(bytesPerSecond: 1_000_000)
      return try await node(server) {
        $0.mode = .single(.tcp(port: proxy.port))
        $0.commandTimeout = .milliseconds(400)
        $0.headOfLineTimeout = .seconds(20)
        change(&$0)
      }
    }

    private func fill(_ server: RedisServerProcess, late: Int = 1) async throws {
      let writer = try await node(server)
      let stamp = try await writer.lookup(key("/small")).stamp
      for number in 0..<20 {
        _ = try await writer.store(entry("/small/\(number)"), stamp: stamp)
        _ = try await writer.store(entry("/large/\(number)", value(number, count: 70_000)), stamp: stamp)
      }
      for number in 0..<late {
        _ = try await writer.store(entry("/late/\(number)", value(number, count: 8_000_000)), stamp: stamp)
      }
      await writer.shutdown()
    }

    private func rests(_ target: String, _ backend: RedisBackend) -> Bool {
      let now = MonotonicTime.now
      return backend.redis.largeValues.expectation(for: backend.keys.entry(key(target)), now: now) == .rests
    }

    private func bytesSent(_ server: RedisServerProcess) throws -> Int {
      let lines = try server.command("INFO", "stats").split(whereSeparator: \.isNewline)
      let line = try #require(lines.first { $0.hasPrefix("total_net_output_bytes:") })
      return try #require(Int(line.split(separator: ":")[1]))
    }

    @Test func `one that cannot arrive in time costs no other value its hit`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      try await fill(server)
      let backend = try await slowNode(server, proxy)
      for number in 0..<20 {
        _ = try? await backend.lookup(key("/late/0"))
        #expect(try await backend.lookup(key("/small/\(number)")).entry?.body == "body")
        let large = try await backend.lookup(key("/large/\(number)")).entry
        #expect(large?.body == value(number, count: 70_000), "\(number)")
      }
      await backend.shutdown()
    }

    @Test func `small values arrive at once while a large one is being waited for`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      try await fill(server, late: 20)
      let backend = try await slowNode(server, proxy)
      var hits = 0
      for number in 0..<20 {
        // Each for the first time, so that nothing is known of it.
        let late = Task { try? await backend.lookup(key("/late/\(number)")).entry }
        for small in 0..<20 where try await backend.lookup(key("/small/\(small)")).entry != nil { hits += 1 }
        #expect(await late.value == nil)
      }
      #expect(hits == 400)
      await backend.shutdown()
    }

    @Test func `one that was late rests, and is asked for again afterwards`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      try await fill(server)
      let backend = try await slowNode(server, proxy) { $0.largeValueRest = .seconds(2) }
      let stamp = try await backend.lookup(key("/none")).stamp
      await #expect(throws: CacheError.self) { try await backend.lookup(key("/late/0")) }
      try await eventually("it does not rest") { rests("/late/0", backend) }
      let rested = ContinuousClock.now
      proxy.fault = .init()
      let before = try bytesSent(server)
      for _ in 0..<20 {
        let found = try await backend.lookup(key("/late/0"))
        #expect(found.entry == nil && found.stamp == stamp, "it is not asked for, and that is no error")
      }
      // Nobody could read it.
      let large = entry("/late/0", value(1, count: 8_000_000))
      #expect(try await backend.store(large, stamp: stamp) == .refused)
      try #require(ContinuousClock.now - rested < .seconds(2), "this machine is too slow for the test")
      #expect(try bytesSent(server) - before < 100_000)
      try await eventually("it is not asked for again") { try await backend.lookup(key("/late/0")).entry != nil }
      #expect(ContinuousClock.now - rested > .seconds(1))
      await backend.shutdown()
    }

    @Test func `a small value ends the rest`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      try await fill(server)
      let backend = try await slowNode(server, proxy)
      await #expect(throws: CacheError.self) { try await backend.lookup(key("/late/0")) }
      try await eventually("it does not rest") { rests("/late/0", backend) }
      let stamp = try await backend.lookup(key("/late/0")).stamp
      #expect(try await backend.store(entry("/late/0"), stamp: stamp) == .stored)
      #expect(try await backend.lookup(key("/late/0")).entry?.body == "body")
      await backend.shutdown()
    }

    @Test func `one that a caller has given up before it was late rests, too`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      try await fill(server)
      let backend = try await slowNode(server, proxy)
      _ = try await backend.lookup(key("/none"))
      let commands = backend.statistics.commands
      let lookup = Task { try await backend.lookup(key("/late/0")) }
      // The beginning and the log, then the whole and the log.
      try await eventually("it is not asked for") { backend.statistics.commands == commands + 4 }
      lookup.cancel()
      try await eventually("it does not rest") { rests("/late/0", backend) }
      await backend.shutdown()
    }

    /// `proto-max-bulk-len` makes the server close the connection of whoever sends more.
    @Test func `one for which the server closes the connection costs no other value its hit`() async throws {
      let server = try RedisServerProcess(options: ["--proto-max-bulk-len", "1mb"])
      try await fill(server, late: 0)
      // A connection that breaks is away for a while, so that whatever needs it meanwhile has to go without.
      let backend = try await node(server) { $0.reconnect = .init(minimum: .seconds(4), maximum: .seconds(4)) }
      let stamp = try await backend.lookup(key("/none")).stamp
      let writing = Task {
        for number in 0..<20 {
          let large = entry("/refused/\(number)", value(number, count: 3_000_000))
          _ = try? await backend.store(large, stamp: stamp)
        }
      }
      for round in 0..<20 {
        for number in 0..<20 {
          #expect(try await backend.lookup(key("/small/\(number)")).entry != nil, "\(round), \(number)")
        }
      }
      await writing.value
      let (connections, large) = (backend.statistics.connectionsMade, entry("/refused/0", value(1, count: 3_000_000)))
      for _ in 0..<20 { _ = try? await backend.store(large, stamp: stamp) }
      #expect(backend.statistics.connectionsMade <= connections + 1, "it rests")
      for number in 0..<20 {
        try await eventually("\(number) is no hit") {
          (try? await backend.lookup(key("/large/\(number)")))?.entry != nil
        }
      }
      await backend.shutdown()
    }

    @Test func `they wait for their connection while it is made, and no longer than the command timeout`() async throws
    {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      let backend = try await node(server) {
        $0.mode = .single(.tcp(port: proxy.port))
        $0.commandTimeout = .milliseconds(300)
        $0.connectTimeout = .seconds(10)
      }
      let stamp = try await backend.lookup(key("/none")).stamp
      #expect(try await backend.store(entry("/large", value(1, count: 100_000)), stamp: stamp) == .stored, "the first")
      let other = try await node(server) {
        $0.mode = .single(.tcp(port: proxy.port))
        ($0.commandTimeout, $0.headOfLineTimeout, $0.connectTimeout) = (.seconds(20), .seconds(20), .seconds(20))
      }
      // The connection for large values takes half a second to be made.
      proxy.fault = .init(delay: .milliseconds(500))
      let start = ContinuousClock.now
      await #expect(throws: CacheError.self) { try await backend.lookup(key("/large")) }
      #expect(ContinuousClock.now - start < .seconds(2))
      #expect(try await other.lookup(key("/large")).entry?.body == value(1, count: 100_000))
      for backend in [backend, other] { await backend.shutdown() }
    }
  }
}

@Suite struct LargeValuesTests {
  @Test func `keys rest for a while, and their number is bounded`() {
    let values = LargeValues(threshold: 10, rest: .nanoseconds(100))
    #expect(values.expectation(for: "a", now: 0) == .none)
    values.note("a", byteCount: 9)
    #expect(values.count == 0)
    values.note("a", byteCount: 10)
    #expect(values.expectation(for: "a", now: 0) == .large && values.expectation(for: "b", now: 0) == .none)
    values.rest("a", now: 5)
    #expect(values.expectation(for: "a", now: 104) == .rests && values.expectation(for: "a", now: 105) == .large)
    values.note("a", byteCount: 9)
    #expect(values.expectation(for: "a", now: 0) == .none && values.count == 0)
    // The same ones again and again, and very many different ones.
    for round in 0..<10_000 {
      values.rest("a", now: Int64(round))
      values.note("b", byteCount: 10)
    }
    #expect(values.count == 2)
    for number in 0..<10_000 { values.rest("\(number)", now: Int64(number)) }
    #expect(values.count == LargeValues.limit)
    #expect(values.expectation(for: "9999", now: 9999) == .rests && values.expectation(for: "0", now: 0) == .none)
  }
}
