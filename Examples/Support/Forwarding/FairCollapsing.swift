//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  public import HTTPCache

  /// Goes before a cache that collapses requests, and has a collapsed request use the share of whichever of its clients holds
  /// the fewest origin connections.
  ///
  /// Without that, a client with many requests in line could make another wait as long as itself, by asking for a page
  /// first, or lose it the page by having more than its share. A client pays for the exchange that its request waits for, and
  /// for no other, whatever others ask for at the same time: the cache tells which that is.
  ///
  /// ```swift
  /// let client = UpstreamClient(origin: origin)
  /// let service = FairCollapsing(before: client.layer(cache), sharing: client)
  /// ```
  public struct FairCollapsing<Inner: Service>: Service
  where Inner.Request == CacheRequest, Inner.Response == CacheResponse {
    private let inner: Inner
    private let client: UpstreamClient

    /// Passes requests on to `inner`, which asks `client`.
    public init(before inner: Inner, sharing client: UpstreamClient) {
      self.inner = inner
      self.client = client
    }

    /// Answers `request` as `inner` does.
    public func call(_ request: CacheRequest) async throws -> CacheResponse {
      guard request.body.isEmpty else { return try await inner.call(request) }
      guard let interest = client.interest() else { return try await inner.call(request) }
      // Weak: tasks that the cache leaves running hold on to the closure.
      var response = try await OriginCall.observing { [weak interest] call in
        interest?.begin(in: call)
      } during: {
        try await inner.call(request)
      }
      response.body = interest.lasting(to: response.body)
      return response
    }
  }
#endif
