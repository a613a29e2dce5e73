//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Any service that answers `CacheRequest`s, its type erased.
public struct AnyService: Service {
  @usableFromInline let body: @Sendable (CacheRequest) async throws -> CacheResponse

  /// Erases the type of `service`.
  @inlinable
  public init<Wrapped: Service<CacheRequest, CacheResponse>>(_ service: Wrapped) {
    // A closure already. Compared by type, which is decided when this is compiled for one, and not by a cast.
    if Wrapped.self == Handler.self, let handler = service as? Handler {
      body = handler.body
    } else {
      body = { try await service.call($0) }
    }
  }

  /// Answers one request.
  public func call(_ request: CacheRequest) async throws -> CacheResponse {
    try await body(request)
  }
}
