//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The status line and header section of a final response.
struct ResponseHead: Hashable, Sendable {
  var status: Int
  var version: MinorVersion
  var fields: HeaderFields
  var framing: BodyFraming
  /// Whether another request may be sent on the connection once this response has ended.
  var keepsAlive: Bool
}
