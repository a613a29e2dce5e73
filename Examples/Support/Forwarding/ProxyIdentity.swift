//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The name under which a proxy signs in `Via` (RFC 9110 §7.6.3), and a mark by which it knows its own requests when they come
/// back to it.
public struct ProxyIdentity: Hashable, Sendable {
  /// A host and port, or a pseudonym. Several proxies may have the same.
  public var name: String
  /// Sixteen digits made up at the start of the process. They stand behind the name in the `Via` of requests, as a comment.
  public let mark: String

  /// A proxy called `name`.
  public init(name: String) {
    self.name = name
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    mark = String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Signs a request that is forwarded.
  func sign(request fields: inout HeaderFields) { fields.append(.via, "1.1 \(name) (\(mark))") }

  /// Signs a response that is passed back. Clients learn the name alone.
  func sign(response fields: inout HeaderFields) { fields.append(.via, "1.1 \(name)") }

  /// The answer to a request that goes in circles (508, Loop Detected, RFC 5842 §7.2); nil for others.
  func refusal(of request: CacheRequest, maximumHops: Int) -> CacheResponse? {
    guard isLooping(request.fields, maximumHops: maximumHops) else { return nil }
    return .plain(508, "This request goes in circles: it has come back to a proxy that it has come through.\n")
  }

  /// Whether a request with `fields` goes in circles: it bears the mark, or has come through `maximumHops` proxies.
  func isLooping(_ fields: HeaderFields, maximumHops: Int) -> Bool {
    guard fields.contains(.via) else { return false }
    var hops = 0
    var isOwn = false
    let comment = Array("(\(mark))".utf8)
    fields.forEachValue(of: .via) { value in
      value.withUnsafeBytes { value in
        value.forEachListElement { element in
          hops += 1
          if element.count > comment.count, element.suffix(comment.count).elementsEqual(comment) { isOwn = true }
        }
      }
    }
    return isOwn || hops >= maximumHops
  }
}
