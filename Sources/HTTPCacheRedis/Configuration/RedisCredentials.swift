//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Who one is to a Redis server.
public struct RedisCredentials: Hashable, Sendable {
  /// The name of an ACL user; nil for servers that only have a password (`requirepass`), and for the default user.
  public var username: String?
  /// The password.
  public var password: String

  /// - Parameters: see the properties of the same names.
  public init(username: String? = nil, password: String) {
    self.username = username
    self.password = password
  }
}

extension RedisCredentials: CustomStringConvertible, CustomDebugStringConvertible {
  /// The value as text, without the password.
  public var description: String { "\(username ?? "default"):•••" }
  /// The same: a password must not get into a log by way of a debugger's description.
  public var debugDescription: String { description }
}
