//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The request line and header section of a request.
struct RequestHead: Hashable, Sendable {
  var method: RequestMethod
  /// Path and query, or `*`.
  var target: String
  /// `http`, or what a trusted proxy says.
  var scheme = "http"
  /// From an absolute target, otherwise from `Host`, or what a trusted proxy says.
  var authority: String
  var version: MinorVersion
  var fields: HeaderFields
  var framing: BodyFraming
  /// Whether the client wants the connection to go on.
  var keepsAlive: Bool
  /// Whether the client waits for 100 (Continue) before it sends the content.
  var expectsContinue: Bool
  /// Whether the client can take trailers (RFC 9110 §10.1.4).
  var acceptsTrailers: Bool
  /// Whether fields and authority are those of the request before on the same connection.
  var isRepetition = false
}
