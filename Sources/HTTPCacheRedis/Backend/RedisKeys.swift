//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// The names of everything that a namespace has in Redis. No two namespaces have a name in common.
struct RedisKeys: Sendable {
  /// The stream of invalidations.
  let log: RedisCommand.Argument
  /// The channel of the backplane.
  let backplane: String
  /// The beginning of the names of entries.
  let entryPrefix: String
  private let leasePrefix: String

  init(namespace: String) {
    let namespace = Self.escaped(namespace)
    log = .text("\(namespace):log")
    backplane = "\(namespace):backplane"
    entryPrefix = "\(namespace):entry:"
    leasePrefix = "\(namespace):lease:"
  }

  /// The namespace without anything that could be taken for the end of another one, which `:entry` and `:lease` are: the
  /// namespace `m:entry:key` would have its log where `m` has the entry of a custom key `log`.
  private static func escaped(_ namespace: String) -> String {
    var result: [UInt8] = []
    var rest = Array(namespace.utf8)[...]
    while let octet = rest.first {
      if octet == UInt8(ascii: "%") {
        result += "%25".utf8
      } else if rest.starts(with: ":entry".utf8) || rest.starts(with: ":lease".utf8) {
        result += "%3A".utf8
      } else {
        result.append(octet)
      }
      rest = rest.dropFirst()
    }
    return String(decoding: result, as: UTF8.self)
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

  /// The key of the entry that is called `name` in Redis; nil when its name does not say.
  ///
  /// The name is read as that of an HTTP resource: an authority ends at the first slash, and no target has a NUL.
  func entryKey(_ name: Bytes) -> CacheKey? {
    guard let name = String(validating: name, as: UTF8.self)?.utf8, name.starts(with: entryPrefix.utf8) else {
      return nil
    }
    let text = name.dropFirst(entryPrefix.utf8.count)
    guard !text.starts(with: "sha1:".utf8) else { return nil }
    let end = text.firstIndex(of: 0) ?? text.endIndex
    guard let primary = Self.resource(text[..<end]) else { return nil }
    guard end != text.endIndex else { return primary }
    let variant = text[text.index(after: end)...]
    return primary.variant(variant.elementsEqual([1]) ? "" : String(Substring(variant)))
  }

  private static func resource(_ text: Substring.UTF8View) -> CacheKey? {
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let scheme = text[..<colon]
    let rest = text[text.index(after: colon)...]
    guard rest.starts(with: "//".utf8) else {
      return scheme.elementsEqual("key".utf8) && !rest.isEmpty ? CacheKey(custom: String(Substring(rest))) : nil
    }
    let location = rest.dropFirst(2)
    guard !scheme.isEmpty, !scheme.elementsEqual("key".utf8),
      let slash = location.firstIndex(of: UInt8(ascii: "/"))
    else { return nil }
    return CacheKey(
      scheme: String(Substring(scheme)), authority: String(Substring(location[..<slash])),
      target: String(Substring(location[slash...])))
  }
}
