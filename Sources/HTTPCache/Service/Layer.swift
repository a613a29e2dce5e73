//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Something that stands in front of a service and may answer for it, change what it is asked, or what it answers.
///
/// `next` is a value that may be kept: a layer can call it again later, in a task of its own. That is what makes
/// refreshing in the background possible.
public protocol Layer<Request, Response>: Sendable {
  /// What the service is asked.
  associatedtype Request
  /// What the service answers.
  associatedtype Response

  /// Answers one request, with or without the help of `next`.
  func call(_ request: Request, next: some Service<Request, Response>) async throws -> Response
}
