//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Why memcached could not be asked, or did not do what it was asked.
///
/// The cache treats every one of them as a miss.
public struct MemcachedError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure it was.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case timedOut, connectionFailed, hostDown, queueFull, refused, protocolViolated, shutDown
    }
    private let kind: Kind

    /// The server did not answer in time.
    public static let timedOut = Code(kind: .timedOut)
    /// The server could not be reached, or the connection broke.
    public static let connectionFailed = Code(kind: .connectionFailed)
    /// The server has failed lately and is left alone for a while; nothing was sent.
    public static let hostDown = Code(kind: .hostDown)
    /// Too much is waiting for the server already; nothing was sent.
    public static let queueFull = Code(kind: .queueFull)
    /// The server answered with an error.
    public static let refused = Code(kind: .refused)
    /// The server answered what the protocol does not allow.
    public static let protocolViolated = Code(kind: .protocolViolated)
    /// The backend has been shut down.
    public static let shutDown = Code(kind: .shutDown)

    /// The name of the code.
    public var description: String { kind.rawValue }
  }

  /// What kind of failure it was.
  public let code: Code
  /// The server, as `name:port` or a socket's path.
  public let host: String
  /// What happened, for people.
  public let message: String

  init(_ code: Code, host: String, _ message: String) {
    self.code = code
    self.host = host
    self.message = message
  }

  /// The whole as text.
  public var description: String { "memcached \(host): \(message)" }
}
