//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How a server reports what happens to keys.
public struct RedisKeyWatching: Hashable, Sendable, CustomStringConvertible {
  private enum Kind: String { case tracking, notifications, unconfirmedNotifications }

  private let kind: Kind

  /// `CLIENT TRACKING` in broadcasting mode, redirected to the connection that listens: everything that happens.
  public static let tracking = RedisKeyWatching(kind: .tracking)
  /// Keyspace notifications: everything but `FLUSHDB` and `FLUSHALL`.
  public static let notifications = RedisKeyWatching(kind: .notifications)
  /// Keyspace notifications are listened to, but the user may not ask (`CONFIG GET`) whether the server sends any, or may
  /// not have it do so. If its `notify-keyspace-events` lacks `Kg$xe`, nothing is reported.
  public static let unconfirmedNotifications = RedisKeyWatching(kind: .unconfirmedNotifications)

  /// The value as text, for people.
  public var description: String { kind.rawValue }
}
