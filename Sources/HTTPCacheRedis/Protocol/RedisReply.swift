//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// An answer (RESP2).
package enum RedisReply: Hashable, Sendable {
  case bulk(Bytes)
  case status(String)
  case integer(Int64)
  case null
  case array([RedisReply])
  case error(RedisError)
  /// The node says that another one is responsible.
  case redirection(Redirection)

  /// The bytes of a string; nil for what is none.
  package var bytes: Bytes? {
    if case .bulk(let bytes) = self { bytes } else { nil }
  }

  package var text: String? {
    switch self {
    case .bulk(let bytes): bytes.description
    case .status(let text): text
    default: nil
    }
  }

  package var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .bulk(let bytes): Int64(bytes.description)
    default: nil
    }
  }

  package var array: [RedisReply]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  package var error: RedisError? {
    switch self {
    case .error(let error): error
    case .redirection(let redirection): redirection.error
    default: nil
    }
  }

  /// The reply, or the error that it is.
  func checked() throws(RedisError) -> RedisReply {
    if let error { throw error }
    return self
  }
}
