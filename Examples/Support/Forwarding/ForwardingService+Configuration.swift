//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension ForwardingService {
  /// How a proxy speaks of itself, and of its client.
  public struct Configuration: Sendable {
    /// What `Via` calls this proxy (RFC 9110 §7.6.3): a host and port, or a pseudonym.
    public var viaName = "swift-http-cache"
    /// Whether the origin is asked for the host that the client named, rather than its own.
    public var preservesHost = false
    /// Whether `X-Forwarded-Proto`, `X-Forwarded-Host` and `Forwarded` (RFC 7239) are added, in place of what the request has.
    /// Scheme and host are the request's; the nodes in `Forwarded` are those in `X-Forwarded-For`, which the server records
    /// (``HTTPServer/Configuration/forwardedFor``).
    public var addsForwarded = true
    /// The most proxies that a request may have come through, going by `Via`; beyond it, it is going in circles: 508.
    public var maximumHops = 20

    /// The defaults.
    public init() {}
  }
}
