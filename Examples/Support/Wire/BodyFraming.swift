//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How the length of a message's content is told (RFC 9112 §6.3).
enum BodyFraming: Hashable, Sendable {
  case none
  case length(Int)
  case chunked
  /// Up to the end of the connection: responses only.
  case untilClose
}
