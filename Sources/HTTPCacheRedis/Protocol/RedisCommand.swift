//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// A command and its arguments.
package struct RedisCommand: Sendable {
  /// One argument. Each is a string to Redis.
  package enum Argument: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    case text(String)
    case bytes(Bytes)
    /// One string of two pieces, which need not be put together for it.
    case joined(Bytes, Bytes)
    case integer(Int64)

    package init(stringLiteral value: String) { self = .text(value) }
  }

  package var name: StaticString
  package var arguments: [Argument]
  /// Where among the arguments the key is that says which node of a cluster has to do with it; nil when any node will do.
  package var keyPosition: Int?
  /// Whether a node may be asked again that may have carried it out.
  package var isIdempotent: Bool
  /// Whether the reply may be a large value, which travels on a connection of its own.
  package var hasLargeReply = false

  /// A command whose first argument is its key.
  package init(_ name: StaticString, key: Argument, _ arguments: Argument..., isIdempotent: Bool = true) {
    self.init(name, [key] + arguments, keyPosition: 0, isIdempotent: isIdempotent)
  }

  /// - Parameters: see the properties of the same names.
  package init(_ name: StaticString, _ arguments: [Argument] = [], keyPosition: Int? = nil, isIdempotent: Bool = true) {
    self.name = name
    self.arguments = arguments
    self.keyPosition = keyPosition
    self.isIdempotent = isIdempotent
  }

  /// The key that says which node has to do with it.
  var key: Argument? { keyPosition.flatMap { arguments.indices.contains($0) ? arguments[$0] : nil } }

  /// About how many bytes it takes on the wire.
  var byteCount: Int {
    var count = 32 + name.utf8CodeUnitCount
    for argument in arguments { count += argument.byteCount + 16 }
    return count
  }
}

extension RedisCommand.Argument {
  var byteCount: Int {
    switch self {
    case .text(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    case .joined(let head, let tail): head.count + tail.count
    case .integer: 20
    }
  }

  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    switch self {
    case .text(var text): text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    case .bytes(let bytes): bytes.withUnsafeBytes(body)
    case .joined(let head, let tail): Bytes(joining: [head, tail]).withUnsafeBytes(body)
    case .integer(let value):
      {
        var text = String(value)
        return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
      }()
    }
  }
}
