//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A host and a port to listen on.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// A name or an address, an IPv6 address without its brackets.
  public var host: String
  /// The port; 0 for any that is free.
  public var port: Int

  /// A host and a port.
  public init(_ host: String, _ port: Int) {
    self.host = host
    self.port = port
  }

  /// `host:port`, with an IPv6 address in brackets.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
