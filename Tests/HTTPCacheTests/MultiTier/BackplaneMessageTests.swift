//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// What is told arrives as it was told, or not at all.
@Suite struct BackplaneMessageTests {
  private static let contents: [BackplaneMessage.Content] = {
    let key = CacheKey(scheme: "https", authority: "a.test:8443", target: "/päth?q=\u{0}")
    let keys = [
      key, key.variant("de"), key.variant(""), CacheKey(custom: "own"), CacheKey(custom: "own").variant("x"),
      CacheKey(scheme: "ftp", authority: "", target: ""), CacheKey(scheme: "http", authority: "h", target: "*"),
    ]
    var contents: [BackplaneMessage.Content] = [.heartbeat, .doubt] + keys.map { .superseded($0) }
    for mode in [CacheInvalidation.Mode.hard, .soft] {
      let targets: [CacheInvalidation.Target] =
        keys.map { .key($0) } + [
          .anyTag(["a", "ä b", ""]), .allTags([]), .allTags(["x"]), .pathPrefix("/a/"), .pathPrefix(""), .everything,
        ]
      contents += targets.map { .invalidation(CacheInvalidation($0, mode: mode)) }
    }
    return contents
  }()

  @Test func `every message comes back as it was`() throws {
    for (number, content) in Self.contents.enumerated() {
      let message = BackplaneMessage(publisher: .max - 7, sequence: UInt64(number), content: content)
      let decoded = try #require(BackplaneMessage(encoded: message.encoded()))
      #expect("\(decoded)" == "\(message)")
      if case .superseded(let key) = content, case .superseded(let other) = decoded.content { #expect(key == other) }
      if case .invalidation(let left) = content, case .key(let key) = left.target,
        case .invalidation(let right) = decoded.content, case .key(let other) = right.target
      {
        #expect(key == other)
      }
    }
  }

  @Test func `the octets are the documented ones`() {
    let message = BackplaneMessage(
      publisher: 0x0102, sequence: 3, content: .invalidation(CacheInvalidation(.anyTag(["ab"]), mode: .soft)))
    #expect(
      Array(message.encoded()) == Array("HCB".utf8) + [
        1, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 0, 0, 0,
      ]
        + Array("ab".utf8))
  }

  @Test func `a predicate becomes a doubt`() throws {
    let message = BackplaneMessage(
      publisher: 1, sequence: 1, content: .invalidation(CacheInvalidation(.matching { _, _ in true })))
    guard case .doubt = try #require(BackplaneMessage(encoded: message.encoded())).content else {
      Issue.record("no doubt")
      return
    }
  }

  @Test func `what is cut off or changed is no message, or another one, and never a crash`() {
    for content in Self.contents {
      let octets = Array(BackplaneMessage(publisher: 1, sequence: 2, content: content).encoded())
      for end in 0..<22 { #expect(BackplaneMessage(encoded: Bytes(octets[..<end])) == nil, "\(end)") }
      for index in octets.indices {
        for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
          var damaged = octets
          damaged[index] = value
          let message = BackplaneMessage(encoded: Bytes(damaged))
          if index < 4, value != octets[index] { #expect(message == nil) }
        }
      }
    }
  }
}
