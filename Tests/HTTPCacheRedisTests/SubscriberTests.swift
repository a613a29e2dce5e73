//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  @Suite(.timeLimit(.minutes(5))) struct SubscriberTests {
    /// Keeps what a subscriber reports.
    private final class Log: Sendable {
      private let entries = Locked([String]())

      func add(_ event: RedisSubscriber.Event) {
        let text =
          switch event {
          case .ready: "ready"
          case .message(let channel, let payload, let pattern): "\(pattern ?? "")\(channel)=\(payload)"
          case .invalidated(let keys): "changed \(keys.map(\.description).sorted().joined(separator: ","))"
          case .invalidatedAll: "all changed"
          case .interrupted: "interrupted"
          }
        entries.withLock { $0.append(text) }
      }

      var all: [String] { entries.withLock { $0 } }
      func count(_ text: String) -> Int { all.filter { $0 == text }.count }
    }

    @Test func `messages arrive, and a gap is told`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client()
      let log = Log()
      let subscriber = client.subscribe(channels: ["news", "more"], patterns: ["p*"]) { log.add($0) }
      try await eventually("it does not become ready") { log.all == ["ready"] }
      _ = try await client.send([
        RedisCommand("PUBLISH", ["news", "1"]), RedisCommand("PUBLISH", ["other", "2"]),
        RedisCommand("PUBLISH", ["px", "3"]),
        RedisCommand("PUBLISH", ["more", "4"]),
      ])
      try await eventually("messages are lost") { log.all == ["ready", "news=1", "p*px=3", "more=4"] }
      server.kill()
      try await eventually("it does not notice") { log.count("interrupted") == 1 }
      try server.start()
      try await eventually("it does not come back") { log.count("ready") == 2 }
      try await client.waitUntilReady(within: .seconds(5))
      _ = try await client.send(RedisCommand("PUBLISH", ["more", "5"]))
      try await eventually("messages are lost") { log.all.last == "more=5" }
      subscriber.close()
      try await eventually("it still listens") { try server.command("PUBSUB", "NUMSUB", "news").hasSuffix("0") }
      await client.shutdown()
    }

    @Test func `the server tells which keys others have changed, also after a connection was lost`() async throws {
      let server = try RedisServerProcess()
      let client = try await server.client()
      let log = Log()
      let subscriber = client.subscribe(tracking: .init(prefix: "ns:")) { log.add($0) }
      try await eventually("it does not become ready") { log.all == ["ready"] }
      _ = try server.command("SET", "ns:a", "1")
      try await eventually("a change is not told") { log.all.last == "changed ns:a" }
      _ = try server.command("SET", "other:b", "1")
      _ = try server.command("DEL", "ns:a")
      try await eventually("a removal is not told") { log.count("changed ns:a") == 2 }
      _ = try server.command("SET", "ns:c", "1", "PX", "30")
      try await eventually("an expiry is not told") { log.count("changed ns:c") >= 2 }
      _ = try server.command("CLIENT", "KILL", "TYPE", "normal")
      try await eventually("the loss of the connection that asked is not told") {
        log.count("interrupted") >= 1 && log.count("ready") >= 2
      }
      _ = try server.command("SET", "ns:d", "1")
      try await eventually("a change is not told") { log.count("changed ns:d") == 1 }
      _ = try server.command("CLIENT", "KILL", "TYPE", "pubsub")
      try await eventually("the loss of the connection that listens is not told") { log.count("ready") >= 3 }
      _ = try server.command("SET", "ns:e", "1")
      try await eventually("a change is not told") { log.count("changed ns:e") == 1 }
      _ = try server.command("FLUSHALL")
      try await eventually("emptying is not told") { log.count("all changed") >= 1 }
      #expect(!log.all.contains { $0.contains("other") })
      subscriber.close()
      await client.shutdown()
    }
  }
}
