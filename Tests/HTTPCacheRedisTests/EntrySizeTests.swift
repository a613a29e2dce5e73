//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  /// The memory that the documentation promises (HTTPCacheRedis.md, "In the server").
  @Suite(.timeLimit(.minutes(5))) struct EntrySizeTests: RedisNodes {
    private static let fields: HeaderFields = [
      "content-type": "text/html; charset=utf-8", "date": "Mon, 30 Nov 2026 12:00:00 GMT",
      "cache-control": "public, max-age=600", "etag": "\"0123456789abcdef\"", "content-length": "12345",
    ]

    private func memory(_ server: RedisServerProcess, _ name: RedisCommand.Argument) throws -> Int {
      let text = name.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      return try #require(Int(server.command("MEMORY", "USAGE", text)))
    }

    @Test(arguments: [(100, 680), (1_000, 1_700), (10_000, 12_500), (100_000, 115_000)])
    func `an entry takes its body, its fields and about 200 bytes`(size: Int, limit: Int) async throws {
      let server = try RedisServerProcess()
      let backend = try await node(server)
      let stamp = try await backend.lookup(key("/none")).stamp
      let plain = entry("/articles/2026/11/30/index", value(1, count: size))
      let stored = CacheEntry(key: plain.key, status: 200, fields: Self.fields, body: plain.body, times: plain.times)
      #expect(try await backend.store(stored, stamp: stamp) == .stored)
      let name = backend.keys.entry(stored.key)
      let lines = Self.fields.reduce(0) { $0 + $1.name.description.utf8.count + $1.value.utf8.count + 4 }
      let keyText = "https".utf8.count + "example.com".utf8.count + "/articles/2026/11/30/index".utf8.count
      // The log's identity, the header, lengths of the key's parts, the key, the number of fields, their lengths and lines.
      let overhead = 8 + 104 + 10 + keyText + 4 + Self.fields.count * 6 + lines
      let length = try await backend.redis.send(RedisCommand("STRLEN", key: name)).integer
      #expect(length == Int64(size + overhead), "\(overhead)")
      let used = try memory(server, name)
      print("an entry of \(size) bytes with \(overhead) beside the body: \(used)")
      #expect(used <= limit)
      await backend.shutdown()
    }

    @Test func `a list of variants takes about 300 bytes`() async throws {
      let server = try RedisServerProcess()
      let backend = try await node(server)
      let cache = try CacheLayer(backend: backend, policy: CachePolicy(timeToLive: .seconds(600)))
      let service = Handler { _ in CacheResponse(fields: ["Vary": "Accept-Language"], body: "x") }.layer(cache)
      let request = CacheRequest(
        scheme: "https", authority: "example.com", target: "/page", fields: ["accept-language": "de"])
      _ = try await service.call(request).body.collect()
      let name = backend.keys.entry(key("/page"))
      try await eventually("it is not stored") { try await backend.lookup(key("/page")).entry != nil }
      let used = try memory(server, name)
      print("a list of variants: \(used)")
      #expect(used <= 350)
      await backend.shutdown()
    }
  }
}
