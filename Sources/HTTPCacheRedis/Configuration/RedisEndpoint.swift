//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Where a Redis server listens.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
  enum Address: Hashable, Sendable {
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  let address: Address

  /// A host name or address and a TCP port.
  public static func tcp(host: String = "127.0.0.1", port: Int = 6379) -> RedisEndpoint {
    RedisEndpoint(address: .tcp(host: host, port: port))
  }

  /// The path of a Unix domain socket.
  public static func unixSocket(_ path: String) -> RedisEndpoint { RedisEndpoint(address: .unix(path: path)) }

  /// The value as text, for people.
  public var description: String {
    switch address {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }

  /// The most octets that the path of a Unix domain socket may have: what is longer would silently be cut.
  static let longestSocketPath = 103

  /// What is wrong with it, if something is.
  var problem: String? {
    switch address {
    case .tcp(let host, _) where host.isEmpty: "a Redis endpoint has no host"
    case .tcp(let host, _) where host.utf8.contains(0): "the Redis host \(host.debugDescription) contains a zero octet"
    case .tcp(let host, let port) where !(1...65535).contains(port):
      "the port \(port) of the Redis host \(host) is not between 1 and 65535"
    case .unix(let path) where path.isEmpty || path.utf8.count > Self.longestSocketPath || path.utf8.contains(0):
      "the socket path \(path.debugDescription) is empty, longer than \(Self.longestSocketPath) octets, or contains a zero octet"
    default: nil
    }
  }
}
