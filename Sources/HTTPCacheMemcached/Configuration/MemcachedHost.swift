//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One memcached server, and its share of the keys.
public struct MemcachedHost: Hashable, Sendable {
  /// Where a server listens.
  public enum Address: Hashable, Sendable {
    /// A name or an IP address, and a port.
    case tcp(name: String, port: Int)
    /// The path of a Unix domain socket.
    case unixSocket(path: String)
  }

  /// Where it listens.
  public var address: Address
  /// Its share of the keys in proportion to the other hosts' weights; 1 or more.
  public var weight: Int

  /// A server that listens at a port.
  ///
  /// - Parameters:
  ///   - name: A host name, an IPv4 address, or an IPv6 address without brackets. Every node must use the same text for
  ///     the same server: the distribution of the keys depends on it.
  ///   - port: The port, 11211 unless said otherwise.
  ///   - weight: The share of the keys in proportion to the other hosts' weights.
  public init(_ name: String, port: Int = 11211, weight: Int = 1) {
    address = .tcp(name: name, port: port)
    self.weight = weight
  }

  /// A server on this machine that listens at a Unix domain socket.
  ///
  /// - Parameters:
  ///   - unixSocket: The path of the socket, at most 107 bytes.
  ///   - weight: The share of the keys in proportion to the other hosts' weights.
  public init(unixSocket: String, weight: Int = 1) {
    address = .unixSocket(path: unixSocket)
    self.weight = weight
  }
}

extension MemcachedHost: CustomStringConvertible {
  /// `name:port`, or the socket's path.
  public var description: String {
    switch address {
    case .tcp(let name, let port): name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
    case .unixSocket(let path): path
    }
  }
}
