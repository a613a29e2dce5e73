//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Any service that answers `CacheRequest`s, its type erased.
public struct AnyService: Service {
  private let body: @Sendable (CacheRequest) async throws -> CacheResponse

  /// Erases the type of `service`.
  public init(_ service: some Service<CacheRequest, CacheResponse>) {
    // A closure already.
    if let handler = service as? Handler {
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
