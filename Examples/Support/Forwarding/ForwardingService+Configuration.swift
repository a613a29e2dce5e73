//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension ForwardingService {
  /// How a proxy speaks of itself, and of its client.
  public struct Configuration: Sendable {
    /// The proxy's name in `Via`, and the mark by which it knows requests that come back to it.
    public var identity = ProxyIdentity(name: "swift-http-cache")
    /// Whether the origin is asked for the host that the client named, rather than its own.
    public var preservesHost = false
    /// Whether `X-Forwarded-Proto`, `X-Forwarded-Host` and `Forwarded` (RFC 7239) are added, in place of what the request has.
    /// Scheme and host are the request's; the nodes in `Forwarded` are those in `X-Forwarded-For`, which the server records
    /// (``HTTPServer/Configuration/forwardedFor``).
    public var addsForwarded = true
    /// The most proxies that a request may have come through, going by `Via`; beyond it, it is going in circles: 508.
    public var maximumHops = 20
    /// Whether TRACE is forwarded, and answered when `Max-Forwards` ends; otherwise it is answered with 405. An answer to it
    /// shows the request to whoever can make a browser send one, with what proxies have added to it (RFC 9110 §9.3.8).
    public var allowsTrace = false

    /// The defaults.
    public init() {}
  }
}
