//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import HTTPCacheRedis

/// What a node is told of what its subscriber hears.
@Suite struct BackplaneRelayTests {
  private let keys = RedisKeys(namespace: "ns")

  /// What arrives at one who begins to read when all has been said.
  private func told(limit: Int = 100, _ events: [RedisSubscriber.Event]) async -> [String] {
    let (stream, continuation) = AsyncStream<BackplaneEvent>.makeStream(bufferingPolicy: .bufferingNewest(limit))
    let relay = BackplaneRelay(continuation, keys: keys)
    for event in events { relay.receive(event) }
    continuation.finish()
    return await stream.reduce(into: []) { texts, event in
      switch event {
      case .joined: texts.append("joined")
      case .message(let message):
        if case .superseded(let key) = message.content {
          texts.append("\(message.sequence) superseded \(key.text)")
        } else {
          texts.append("\(message.sequence)")
        }
      }
    }
  }

  private func message(_ number: UInt64) -> RedisSubscriber.Event {
    let message = BackplaneMessage(publisher: 7, sequence: number, content: .doubt)
    return .message(channel: "ns:backplane", payload: message.encoded(), pattern: nil)
  }

  @Test func `messages are passed on in their order, and what cannot be understood is a doubt`() async {
    let unknown = RedisSubscriber.Event.message(channel: "ns:backplane", payload: "HCB9", pattern: nil)
    let interruption = RedisSubscriber.Event.interrupted(RedisError(.connectionLost, "gone"))
    #expect(
      await told([.ready, message(1), message(2), unknown, interruption, .ready, message(5), .invalidatedAll])
        == ["joined", "1", "2", "joined", "joined", "5", "joined"])
  }

  @Test func `of more than can wait the newest are kept, and behind every loss stands a doubt`() async {
    for limit in 2...7 {
      for count in limit + 1...30 {
        let texts = await told(limit: limit, [.ready] + (1...count).map { message(UInt64($0)) })
        #expect(texts.count == limit)
        // Nothing is missing behind the last doubt.
        let rest = texts[(texts.lastIndex(of: "joined") ?? -1)...].dropFirst().compactMap { Int($0) }
        #expect(texts.contains("joined"))
        #expect(rest.isEmpty || rest == Array(rest[0]...count), "\(limit), \(count): \(texts)")
      }
    }
  }

  static let texts: [CacheKey] = [
    CacheKey(scheme: "https", authority: "example.com", target: "/"),
    CacheKey(scheme: "http", authority: "[::1]:8080", target: "/a?b=http://c/d"),
    CacheKey(scheme: "https", authority: "", target: "/ä\u{308}"), CacheKey(custom: "a/b c"),
    CacheKey(custom: "x://y/z"),
    CacheKey(scheme: "https", authority: "example.com", target: "/a").variant("nonce\u{0}accept-language\u{0}de"),
    CacheKey(scheme: "https", authority: "example.com", target: "/a").variant(""),
    CacheKey(custom: "a").variant("b"),
  ]

  @Test(arguments: texts) func `keys are read back from the names of their entries`(key: CacheKey) throws {
    guard case .text(let name) = keys.entry(key) else {
      Issue.record("a name that is no text")
      return
    }
    #expect(keys.entryKey(Bytes(name)) == key)
  }

  @Test(
    arguments: [
      "other:entry:https://example.com/", "ns:log", "ns:entry:", "ns:entry:sha1:00", "ns:entry:https://example.com",
      "ns:entry:key:", "ns:entry:key://a/b", "ns:entry:://a/b", "ns:entry:nothing",
    ] as [Bytes]) func `a name that does not say whose it is gives a doubt`(name: Bytes) async
  {
    #expect(keys.entryKey(name) == nil)
    #expect(await told([.invalidated(keys: ["ns:entry:https://a/b", name])]) == ["joined"])
  }

  @Test func `keys that have changed are told one by one, numbered as a node's messages are; very many are a doubt`()
    async
  {
    #expect(
      await told([
        .invalidated(keys: ["ns:entry:https://a/b", "ns:entry:https://a/c"]),
        .invalidated(keys: ["ns:entry:https://a/b"]),
      ]) == ["1 superseded https://a/b", "2 superseded https://a/c", "3 superseded https://a/b"])
    let many = (0..<300).map { Bytes("ns:entry:https://a/\($0)") }
    #expect(await told([.invalidated(keys: many)]) == ["joined"])
  }
}
