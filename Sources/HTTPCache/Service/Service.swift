//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Something that answers requests: a handler, a client for an upstream server, or either with layers around it.
public protocol Service<Request, Response>: Sendable {
  /// What it is asked.
  associatedtype Request
  /// What it answers.
  associatedtype Response

  /// Answers one request.
  func call(_ request: Request) async throws -> Response
}
