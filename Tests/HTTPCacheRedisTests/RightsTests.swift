//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  /// The rights and names that the documentation promises.
  @Suite(.timeLimit(.minutes(5))) struct RightsTests: RedisNodes {
    /// The command in the documentation that makes the user.
    private static func documentedUser() throws -> [String] {
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let file = root.appendingPathComponent("Sources/HTTPCacheRedis/Documentation.docc/HTTPCacheRedis.md")
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
      let start = try #require(lines.firstIndex { $0.hasPrefix("ACL SETUSER cache ") })
      let end = try #require(lines[start...].firstIndex { $0.hasPrefix("```") })
      return lines[start..<end].joined(separator: " ").replacing("\\", with: "").split(separator: " ").map(String.init)
    }

    @Test func `a user with the documented rights may do all that is done`() async throws {
      let server = try RedisServerProcess()
      #expect(try RedisServerProcess.runClient(["-p", "\(server.port)"] + Self.documentedUser()) == "OK")
      var configuration = RedisConfiguration()
      let one = try await node(server) {
        $0.credentials = RedisCredentials(username: "cache", password: "secret")
        configuration = $0
      }
      let stamp = try await one.lookup(key("/a")).stamp
      #expect(try await one.store(entry("/a", tags: ["t"]), stamp: stamp) == .stored)
      #expect(try await one.lookup(key("/a")).entry != nil)
      let large = entry("/large", value(1, count: 100_000))
      #expect(try await one.store(large, stamp: stamp) == .stored)
      #expect(try await one.lookup(key("/large")).entry?.body == large.body)
      for target in [CacheInvalidation.Target.key(key("/a")), .anyTag(["t"]), .everything] {
        try await one.invalidate(CacheInvalidation(target))
      }
      for _ in 0..<2 {
        let lease = try #require(try await one.acquireLease(for: key("/a"), duration: .seconds(30)))
        await one.releaseLease(lease)
      }
      for damage in [["SET", "swift-http-cache:log", "x"], ["DEL", "swift-http-cache:log"]] {
        _ = try RedisServerProcess.runClient(["-p", "\(server.port)"] + damage)
        #expect(try await one.lookup(key("/a")).entry == nil)
      }
      let backplane = try RedisBackplane(configuration: configuration)
      try await backplane.waitUntilReady()
      let received = Task {
        for await event in backplane.events() { if case .message = event { return true } }
        return false
      }
      try await eventually("no message arrives") {
        try await backplane.publish(BackplaneMessage(publisher: 1, sequence: 1, content: .heartbeat))
        return try server.command("PUBSUB", "NUMSUB", "swift-http-cache:backplane").hasSuffix("1")
      }
      try await backplane.publish(BackplaneMessage(publisher: 1, sequence: 2, content: .heartbeat))
      #expect(await received.value)
      await backplane.shutdown()
      await one.shutdown()
      let refusals = try server.command("ACL", "LOG")
      #expect(!refusals.contains("cache"), "\(refusals)")
    }

    @Test func `no name of a namespace is one of another's`() async throws {
      let namespaces = [
        "m", "m:entry:key", "m:entry", "m:lease", "m:lease:key", "m:log", "m%3Aentry", "m%3Aentry:key",
        "m:entry:key:log",
        "a:b", "%", "%25", "m:backplane", "",
      ]
      var owners: [String: String] = [:]
      let texts =
        ["log", "entry:x", "lease:x", "x", "key:log", "entry:key:log"].map { CacheKey(custom: $0) } + [key("/a")]
      func text(_ argument: RedisCommand.Argument) -> String {
        argument.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      }
      for namespace in namespaces {
        let keys = RedisKeys(namespace: namespace)
        let names = [text(keys.log)] + texts.flatMap { [text(keys.entry($0)), text(keys.lease($0))] }
        #expect(Set(names).count == names.count)
        for name in names {
          #expect(owners[name] == nil, "\(name) is of \(namespace) and \(owners[name] ?? "")")
          owners[name] = namespace
        }
      }
      // What there was before is where it was.
      #expect(text(RedisKeys(namespace: "app:cache").log) == "app:cache:log")
      let server = try RedisServerProcess()
      let one = try await node(server) { $0.namespace = "m" }
      let two = try await node(server) { $0.namespace = "m:entry:key" }
      let log = CacheKey(custom: "log")
      let template = entry("/a")
      let made = CacheEntry(key: log, status: 200, fields: [:], body: "x", times: template.times)
      for _ in 0..<2 {
        for backend in [one, two] {
          let stamp = try await backend.lookup(log).stamp
          #expect(try await backend.store(made, stamp: stamp) == .stored)
          try await backend.invalidate(CacheInvalidation(.key(key("/x"))))
          #expect(try await backend.lookup(log).entry != nil)
        }
      }
      for backend in [one, two] { await backend.shutdown() }
    }
  }
}
