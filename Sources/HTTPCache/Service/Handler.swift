//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A service made of a closure.
///
/// ```swift
/// let service = Handler { request in
///   CacheResponse(body: Body("You asked for \(request.target)"))
/// }.layer(cache)
/// ```
public struct Handler: Service {
  @usableFromInline let body: @Sendable (CacheRequest) async throws -> CacheResponse

  /// A service that answers with what `body` returns.
  @inlinable
  public init(_ body: @escaping @Sendable (CacheRequest) async throws -> CacheResponse) {
    self.body = body
  }

  /// Answers one request.
  @inlinable
  public func call(_ request: CacheRequest) async throws -> CacheResponse {
    try await body(request)
  }
}
