//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The minor version of HTTP/1 that a peer speaks.
enum MinorVersion: Hashable, Sendable {
  /// HTTP/1.0: a connection ends with its message unless asked otherwise, nothing is chunked, nothing is interim.
  case zero
  /// HTTP/1.1, and any later HTTP/1.x, which is answered as 1.1 (RFC 9110 §2.5).
  case one
}
