//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  /// What requests cost with a server that is half a second away, so that round trips can be counted by the clock.
  @Suite(.timeLimit(.minutes(5))) struct RoundTripTests: RedisNodes {
    private static let delay = Duration.milliseconds(250)

    /// A cache over a server, and what its requests have cost.
    private struct Node {
      let backend: RedisBackend
      let service: AnyService

      init(_ backend: RedisBackend) throws {
        self.backend = backend
        let cache = try CacheLayer(backend: backend, policy: CachePolicy(timeToLive: .seconds(600)))
        service = AnyService(
          Handler { request in
            let language = request.fields["accept-language"] ?? "en"
            return CacheResponse(fields: ["Vary": "Accept-Language"], body: Body("\(request.path) \(language)"))
          }.layer(cache))
      }

      /// - Returns: The body, whether it was a hit, and how many commands and round trips it took.
      func ask(
        _ language: String, _ target: String = "/page", method: RequestMethod = .get
      ) async throws -> (text: String, isHit: Bool, commands: Int, roundTrips: Int) {
        let request = CacheRequest(
          method: method, scheme: "https", authority: "example.com", target: target,
          fields: ["accept-language": language])
        let (start, commands) = (ContinuousClock.now, backend.statistics.commands)
        let response = try await service.call(request)
        let duration = ContinuousClock.now - start
        let text = try await response.body.collect().description
        return (
          text, response.outcome == .hit, backend.statistics.commands - commands,
          Int((duration / (RoundTripTests.delay * 2)).rounded(.down))
        )
      }
    }

    private func nodes(_ server: RedisServerProcess, _ proxy: FaultyProxy) async throws -> (near: Node, far: Node) {
      let near = try Node(try await node(server))
      let far = try Node(
        try await node(server) {
          $0.mode = .single(.tcp(port: proxy.port))
          ($0.commandTimeout, $0.connectTimeout, $0.headOfLineTimeout) = (.seconds(20), .seconds(20), .seconds(20))
        })
      return (near, far)
    }

    @Test func `a hit of a variant is one, once its list is known`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      let (near, far) = try await nodes(server, proxy)
      for language in ["de", "fr"] {
        _ = try await near.ask(language)
        try await eventually("it is not stored") { try await near.ask(language).isHit }
      }
      // Reads the log, and learns the list.
      #expect(try await far.ask("de").isHit)
      proxy.fault = .init(delay: Self.delay)
      for language in ["fr", "de", "fr"] {
        let found = try await far.ask(language)
        #expect(found == ("/page \(language)", true, 3, 1), "index, variant and log in one go")
      }
      proxy.fault = .init()
      let calls = try server.command("INFO", "commandstats")
      #expect(!calls.contains("cmdstat_get:"))
      for backend in [near.backend, far.backend] { await backend.shutdown() }
    }

    @Test func `what is expected is not used unless the list that comes with it says so`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      let (near, far) = try await nodes(server, proxy)
      for language in ["de", "fr"] {
        _ = try await near.ask(language)
        try await eventually("it is not stored") { try await far.ask(language).isHit }
      }
      // The list is invalidated; its variants are there still, under names that nobody should use any more.
      try await near.backend.invalidate(CacheInvalidation(.key(key("/page"))))
      #expect(try await !far.ask("de").isHit)
      try await eventually("it is not stored anew") { try await far.ask("de").isHit }
      #expect(try await !near.ask("fr").isHit, "the new list has other names")
      try await eventually("it is not stored anew") { try await far.ask("fr").isHit }
      // Nobody has told this node that the list is another one now.
      _ = try server.command("DEL", "swift-http-cache:entry:https://example.com/page")
      #expect(try await !far.ask("fr").isHit)
      for backend in [near.backend, far.backend] { await backend.shutdown() }
    }

    @Test func `an unsafe request is one`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      let (near, far) = try await nodes(server, proxy)
      _ = try await near.ask("de")
      _ = try await far.ask("de", method: .post)
      _ = try await near.ask("de")
      try await eventually("it is not stored") { try await far.ask("de").isHit }
      proxy.fault = .init(delay: Self.delay)
      let found = try await far.ask("de", method: .post)
      #expect(found.commands == 2 && found.roundTrips == 1, "the script and UNLINK in one go")
      #expect(try await !near.ask("de").isHit)
      for backend in [near.backend, far.backend] { await backend.shutdown() }
    }

    @Test func `a hit is one, and a miss and its store one each`() async throws {
      let server = try RedisServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      let (near, far) = try await nodes(server, proxy)
      _ = try await far.backend.lookup(key("/none"))
      proxy.fault = .init(delay: Self.delay)
      for expected in [(false, 2), (true, 2)] {
        let (start, commands) = (ContinuousClock.now, far.backend.statistics.commands)
        let found = try await far.backend.lookup(key("/a"))
        #expect((found.entry != nil) == expected.0 && far.backend.statistics.commands - commands == expected.1)
        #expect(ContinuousClock.now - start < Self.delay * 4)
        guard found.entry == nil else { continue }
        let second = ContinuousClock.now
        #expect(try await far.backend.store(entry("/a"), stamp: found.stamp) == .stored)
        #expect(far.backend.statistics.commands - commands == 4 && ContinuousClock.now - second < Self.delay * 4)
      }
      for backend in [near.backend, far.backend] { await backend.shutdown() }
    }
  }
}
