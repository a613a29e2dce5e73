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
  /// Sixteen digits made up at the start of the process.
  public let mark: String

  /// A proxy called `name`.
  public init(name: String) {
    self.name = name
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    mark = String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The name with the mark: the pseudonym under which requests are signed, which no other process has. Not a comment, which
  /// other proxies may remove. A name that has a port cannot be part of a pseudonym, so that the mark stands alone.
  public var pseudonym: String { name.utf8.allSatisfy(Octet.isToken) && !name.isEmpty ? "\(name)-\(mark)" : mark }

  /// Signs a request that is forwarded.
  func sign(request fields: inout HeaderFields) { fields.append(.via, "1.1 \(pseudonym)") }

  /// Signs a response that is passed back. Clients learn the name alone.
  func sign(response fields: inout HeaderFields) { fields.append(.via, "1.1 \(name)") }

  /// Whether a request with `fields` goes in circles: it bears the mark, or has come through `maximumHops` proxies.
  func isLooping(_ fields: HeaderFields, maximumHops: Int) -> Bool {
    guard fields.contains(.via) else { return false }
    var hops = 0
    var isOwn = false
    fields.forEachValue(of: .via) { value in
      value.withUnsafeBytes { value in
        value.forEachListElement { element in
          hops += 1
          if isOwnSignature(element) { isOwn = true }
        }
      }
    }
    return isOwn || hops >= maximumHops
  }

  /// Whether an element of `Via` ends in the mark, but for comments. A host may be written in other case on its way.
  private func isOwnSignature(_ element: UnsafeRawBufferPointer) -> Bool {
    let end = element.firstIndex(of: UInt8(ascii: "(")) ?? element.count
    let signature = UnsafeRawBufferPointer(rebasing: element[..<end]).trimmingWhitespace
    guard signature.count > mark.utf8.count else { return false }
    return signature.suffix(mark.utf8.count).elementsEqual(mark.utf8) { Octet.lowercased($0) == $1 }
  }
}
