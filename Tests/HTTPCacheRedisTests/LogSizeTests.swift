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
  /// The bytes that invalidations take.
  @Suite(.timeLimit(.minutes(5))) struct LogSizeTests: RedisNodes {
    private func sent(_ server: RedisServerProcess) throws -> Int {
      let text = try server.command("INFO", "stats")
      let line = try #require(text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_net_output_bytes:") })
      return try #require(Int(line.split(separator: ":")[1].filter(\.isNumber)))
    }

    @Test(arguments: [
      CacheInvalidation.Target.key(
        CacheKey(scheme: "https", authority: "e", target: String(repeating: "u", count: 8_000))),
      .pathPrefix("/" + String(repeating: "p", count: 8_000)),
      .anyTag((0..<100).map { "a tag of some length, number \($0)" }),
      .allTags((0..<100).map { "a tag of some length, number \($0)" }),
      .anyTag([String(repeating: "t", count: 8_000)]), .everything,
    ])
    func `are few, in the server and in answers`(target: CacheInvalidation.Target) async throws {
      let server = try RedisServerProcess()
      let one = try await node(server)
      let stamp = try await one.lookup(key("/a")).stamp
      _ = try await one.store(entry("/a"), stamp: stamp)
      func cost() async throws -> Int {
        let begin = try sent(server)
        for _ in 0..<10 { _ = try await one.lookup(key("/b")) }
        return (try sent(server) - begin) / 10
      }
      let before = try await cost()
      for _ in 0..<100 { try await one.invalidate(CacheInvalidation(target, mode: .soft)) }
      // The tags of 100 take 13 records.
      let count = try #require(Int(server.command("XLEN", "swift-http-cache:log")))
      let size = try #require(Int(server.command("MEMORY", "USAGE", "swift-http-cache:log", "SAMPLES", "0")))
      #expect(count <= 1 + 100 * 13)
      #expect(size / count < 200, "\(size) bytes, \(count) records")
      #expect(try await cost() - before <= 160)
      await one.shutdown()
    }

    @Test func `are not more for more tags than an invalidation may name`() async throws {
      let server = try RedisServerProcess()
      let one = try await node(server)
      let stamp = try await one.lookup(key("/a")).stamp
      _ = try await one.store(entry("/a"), stamp: stamp)
      try await one.invalidate(CacheInvalidation(.anyTag((0..<100_000).map { "\($0)" })))
      #expect(try server.command("XLEN", "swift-http-cache:log") == "2")
      #expect(try await one.lookup(key("/a")).entry == nil)
      await one.shutdown()
    }
  }
}
