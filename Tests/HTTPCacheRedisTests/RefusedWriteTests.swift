//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

/// A way in which a server does not write what it is told.
enum WriteFault: String, CaseIterable, Sendable {
  case fullMemory, missingReplicas, replica, failingSave, forbiddenCommand, forbiddenScripts, password, pausedWrites
  case stopped

  /// The options that the server is to be started with.
  static let options = ["--enable-protected-configs", "yes"]

  func begin(_ server: RedisServerProcess) throws {
    switch self {
    case .fullMemory: try server.command("CONFIG", "SET", "maxmemory", "1")
    case .missingReplicas: try server.command("CONFIG", "SET", "min-replicas-to-write", "1")
    case .replica: try server.command("REPLICAOF", "127.0.0.1", "1")
    case .failingSave:
      let folder = server.folder.appendingPathComponent("gone")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try server.command("CONFIG", "SET", "dir", folder.path)
      try FileManager.default.removeItem(at: folder)
      try server.command("CONFIG", "SET", "save", "3600 100000")
      try server.command("BGSAVE")
      for _ in 0..<200 where try !server.command("INFO", "persistence").contains("rdb_last_bgsave_status:err") {
        usleep(10_000)
      }
    case .forbiddenCommand: try server.command("ACL", "SETUSER", "default", "-xadd")
    case .forbiddenScripts: try server.command("ACL", "SETUSER", "default", "-@scripting")
    case .password:
      try server.command("CONFIG", "SET", "requirepass", "x")
      try server.command("-a", "x", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal")
    case .pausedWrites: try server.command("CLIENT", "PAUSE", "600000", "WRITE")
    case .stopped: server.pause()
    }
  }

  func end(_ server: RedisServerProcess) throws {
    switch self {
    case .fullMemory: try server.command("CONFIG", "SET", "maxmemory", "0")
    case .missingReplicas: try server.command("CONFIG", "SET", "min-replicas-to-write", "0")
    case .replica: try server.command("REPLICAOF", "NO", "ONE")
    case .failingSave:
      try server.command("CONFIG", "SET", "dir", server.folder.path)
      try server.command("CONFIG", "SET", "save", "")
    case .forbiddenCommand: try server.command("ACL", "SETUSER", "default", "+xadd")
    case .forbiddenScripts: try server.command("ACL", "SETUSER", "default", "+@scripting")
    case .password: try server.command("-a", "x", "--no-auth-warning", "CONFIG", "SET", "requirepass", "")
    case .pausedWrites: try server.command("CLIENT", "UNPAUSE")
    case .stopped: server.resume()
    }
  }
}

extension RedisIntegration {
  /// Invalidations that the server does not take.
  @Suite(.timeLimit(.minutes(5))) struct RefusedWriteTests: RedisNodes {
    private func configure(_ configuration: inout RedisConfiguration) {
      configuration.commandTimeout = .milliseconds(400)
      configuration.circuitBreaker.openDuration = .milliseconds(20)
      configuration.circuitBreaker.maximumOpenDuration = .milliseconds(100)
    }

    private enum Found: Equatable { case fresh, stale, nothing }

    private func find(_ backend: RedisBackend, _ target: String) async throws -> Found {
      guard let entry = try await backend.lookup(key(target)).entry else { return .nothing }
      return entry.times.freshUntil > CacheClock.system.now ? .fresh : .stale
    }

    private func isUnused(_ backend: RedisBackend, _ target: String) async -> Bool {
      (try? await find(backend, target)) != .fresh
    }

    @Test(arguments: WriteFault.allCases, [CacheInvalidation.Mode.hard, .soft])
    func `hold at once in their process, and for all when the server writes again`(
      fault: WriteFault, mode: CacheInvalidation.Mode
    ) async throws {
      let server = try RedisServerProcess(options: WriteFault.options)
      let (one, two) = (try await node(server, configure), try await node(server, configure))
      let some: [(String, CacheInvalidation.Target)] = [
        ("/key", .key(key("/key"))), ("/any", .anyTag(["any", "x"])), ("/all", .allTags(["red", "blue"])),
        ("/path/a", .pathPrefix("/path/")),
      ]
      let tags = ["/any": ["any"], "/all": ["red", "blue", "green"], "/other": ["red"]]
      for invalidations in [some, [("/key", .everything), ("/other", .everything)]] {
        _ = try await two.lookup(key("/x"))
        let stamp = try await one.lookup(key("/x")).stamp
        for target in some.map(\.0) + ["/other"] {
          #expect(try await two.store(entry(target, tags: tags[target] ?? []), stamp: stamp) == .stored)
          for backend in [one, two] { #expect(try await find(backend, target) == .fresh) }
        }
        try fault.begin(server)
        for (_, target) in invalidations {
          await #expect(throws: CacheError.self) { try await one.invalidate(CacheInvalidation(target, mode: mode)) }
        }
        #expect(one.statistics.waitingInvalidations > 0)
        for (target, _) in invalidations { #expect(await isUnused(one, target), "\(target) during it") }
        try fault.end(server)
        for (target, _) in invalidations { #expect(await isUnused(one, target), "\(target) after it") }
        // Without anybody asking this node.
        try await eventually("it is not written") { one.statistics.waitingInvalidations == 0 }
        try await eventually("the other node does not come back") { (try? await two.lookup(key("/x"))) != nil }
        for (target, _) in invalidations {
          for backend in [one, two] { #expect(try await find(backend, target) != .fresh, "\(target) for all") }
        }
        if invalidations.count == some.count {
          for backend in [one, two] { #expect(try await find(backend, "/other") == .fresh) }
        }
        try await eventually("the node does not come back") { (try? await one.lookup(key("/x"))) != nil }
      }
      for (target, _) in some {
        let stamp = try await two.lookup(key("/x")).stamp
        #expect(try await two.store(entry(target), stamp: stamp) == .stored)
        for backend in [one, two] { #expect(try await find(backend, target) == .fresh) }
      }
      await one.shutdown()
      await two.shutdown()
    }

    @Test func `a full server drops the entry of an invalidated key for all at once`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      #expect(try await one.store(entry("/a"), stamp: try await one.lookup(key("/a")).stamp) == .stored)
      #expect(try await two.lookup(key("/a")).entry != nil)
      try WriteFault.fullMemory.begin(server)
      await #expect(throws: CacheError.self) { try await one.invalidate(CacheInvalidation(.key(key("/a")))) }
      #expect(try await two.lookup(key("/a")).entry == nil)
      await one.shutdown()
      await two.shutdown()
    }

    @Test func `fills that began before are not stored, and softly invalidated ones are`() async throws {
      let server = try RedisServerProcess()
      let one = try await node(server)
      let stamp = try await one.lookup(key("/a")).stamp
      try WriteFault.forbiddenCommand.begin(server)
      _ = try? await one.invalidate(CacheInvalidation(.anyTag(["hard"])))
      _ = try? await one.invalidate(CacheInvalidation(.anyTag(["soft"]), mode: .soft))
      #expect(try await one.store(entry("/a", tags: ["hard"]), stamp: stamp) == .invalidated)
      #expect(try await one.store(entry("/b", tags: ["soft"]), stamp: stamp) == .stored)
      #expect(try await find(one, "/b") == .stale)
      #expect(try await one.store(entry("/c"), stamp: stamp) == .stored)
      #expect(try await find(one, "/c") == .fresh)
      await one.shutdown()
    }

    @Test func `the number that wait is bounded, beyond it everything is invalidated, and shutdown does not wait long`()
      async throws
    {
      let server = try RedisServerProcess()
      let one = try await node(server, configure)
      #expect(try await one.store(entry("/a"), stamp: try await one.lookup(key("/a")).stamp) == .stored)
      try WriteFault.missingReplicas.begin(server)
      for number in 0..<1_024 { _ = try? await one.invalidate(CacheInvalidation(.anyTag(["\(number % 512)"]))) }
      #expect(one.statistics.waitingInvalidations <= 512)
      #expect(try await find(one, "/a") == .fresh)
      for number in 512..<1_200 { _ = try? await one.invalidate(CacheInvalidation(.anyTag(["\(number)"]))) }
      #expect(one.statistics.waitingInvalidations <= 1_024)
      #expect(try await find(one, "/a") == .nothing)
      let begin = ContinuousClock.now
      await one.shutdown()
      #expect(ContinuousClock.now - begin < .seconds(5))
    }

    @Test func `shutting down writes what can be written`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      #expect(try await one.store(entry("/a"), stamp: try await one.lookup(key("/a")).stamp) == .stored)
      server.pause()
      let attempt = Task { try await one.invalidate(CacheInvalidation(.everything)) }
      attempt.cancel()
      await #expect(throws: CacheError.self) { try await attempt.value }
      server.resume()
      await one.shutdown()
      #expect(try await two.lookup(key("/a")).entry == nil)
      await two.shutdown()
    }

    @Test func `a cache answers from its handler, and tells its observers`() async throws {
      let server = try RedisServerProcess()
      let backend = try await node(server)
      let version = Locked(0)
      let cache = try CacheLayer(backend: backend, policy: CachePolicy(timeToLive: .seconds(600)))
      let service = Handler { request in
        if request.method != .get { version.withLock { $0 += 1 } }
        return CacheResponse(body: Body("v\(version.withLock { $0 })"))
      }.layer(cache)
      func get() async throws -> Bytes? {
        try await service.call(CacheRequest(authority: "example.com", target: "/x")).body.collect()
      }
      #expect(try await get() == "v0")
      try await eventually("it is not stored") { try await get() != nil && cache.statistics.hits > 0 }
      try WriteFault.fullMemory.begin(server)
      _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/x"))
      #expect(cache.statistics.backendFailures > 0)
      #expect(try await get() == "v1")
      try WriteFault.fullMemory.end(server)
      #expect(try await get() == "v1")
      await backend.shutdown()
    }
  }
}
