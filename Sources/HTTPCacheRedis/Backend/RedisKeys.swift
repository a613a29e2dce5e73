//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// What everything is called in Redis.
struct RedisKeys: Sendable {
  /// The stream of invalidations.
  let log: String
  /// What the keys of entries begin with.
  let entryPrefix: String
  private let leasePrefix: String

  init(namespace: String) {
    log = "\(namespace):log"
    entryPrefix = "\(namespace):entry:"
    leasePrefix = "\(namespace):lease:"
  }

  /// Keys longer than this are replaced by their digest: they would cost the server more than the comparison that the
  /// entry's echo of its key makes anyway.
  private static let longestText = 1024

  func entry(_ key: CacheKey) -> RedisCommand.Argument { .text(entryPrefix + Self.name(key)) }
  func lease(_ key: CacheKey) -> RedisCommand.Argument { .text(leasePrefix + Self.name(key)) }

  private static func name(_ key: CacheKey) -> String {
    let text = key.text
    return text.utf8.count <= longestText ? text : "sha1:" + SHA1.hexadecimal(text)
  }
}
