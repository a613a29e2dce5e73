//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Refuses requests that a proxy must neither answer from its cache nor forward. Stands in front of the cache.
///
/// ```swift
/// let service = ProxyEntrance(identity: identity, before: forwarding.layer(cache))
/// ```
///
/// - A request that has come back to the proxy, or through too many, is answered with 508. Behind the cache it would wait for
///   itself: its first round is the call to the origin that its second one joins.
/// - A request for a host that the proxy does not answer for gets 421 (Misdirected Request, RFC 9110 §15.5.20), and leaves
///   nothing in the cache.
public struct ProxyEntrance<Inner: Service>: Service
where Inner.Request == CacheRequest, Inner.Response == CacheResponse {
  private let inner: Inner
  private let identity: ProxyIdentity
  private let responses: ProxyResponses
  private let maximumHops: Int
  private let hosts: PermittedHosts
  private let port: Int
  private let allowsTrace: Bool

  /// - Parameters:
  ///   - identity: The one that the forwarding service behind the cache signs with. Its name is also the cache's.
  ///   - maximumHops: The most proxies that a request may have come through, going by `Via`.
  ///   - hosts: The hosts that are answered for.
  ///   - port: The port on which the proxy listens.
  ///   - allowsTrace: Whether TRACE is passed on. What the cache behind this would say of a refusal sounds as if it had been.
  ///   - inner: The cache and what is behind it.
  public init(
    identity: ProxyIdentity, maximumHops: Int = 20, hosts: PermittedHosts = .any, port: Int = 80,
    allowsTrace: Bool = true, before inner: Inner
  ) {
    self.inner = inner
    self.identity = identity
    responses = ProxyResponses(cacheName: identity.name)
    self.maximumHops = maximumHops
    self.hosts = hosts
    self.port = port
    self.allowsTrace = allowsTrace
  }

  /// Refuses `request` or passes it on.
  public func call(_ request: CacheRequest) async throws -> CacheResponse {
    guard !identity.isLooping(request.fields, maximumHops: maximumHops) else {
      request.body.cancel()
      return responses.loop()
    }
    guard hosts.contain(request.authority, scheme: request.scheme, ownPort: port) else {
      request.body.cancel()
      return responses.hostNotServed()
    }
    guard allowsTrace || request.method != .trace else {
      request.body.cancel()
      return TraceAnswer.refusal
    }
    return try await inner.call(request)
  }
}

extension CacheResponse {
  /// A response of the proxy itself, which no cache may store.
  static func plain(_ status: Int, _ text: String, _ fields: HeaderFields = [:]) -> CacheResponse {
    var all: HeaderFields = ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"]
    for field in fields { all.append(field.name, field.value) }
    return CacheResponse(status: status, fields: all, body: Body(text))
  }
}
