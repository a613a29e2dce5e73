//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// What a server publishes about the keys of one prefix, if it is told to (`notify-keyspace-events`): the means for servers
/// and users that have no `CLIENT TRACKING`.
struct KeyNotifications: Sendable {
  private let channelPrefix: Bytes
  /// What to subscribe to.
  let pattern: String

  init(prefix: String, database: Int) {
    let channel = "__keyspace@\(database)__:"
    channelPrefix = Bytes(channel)
    pattern = channel + Self.escaped(prefix) + "*"
  }

  /// Without what has a meaning in patterns.
  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      if "*?[]\\^".contains(character) { result.append("\\") }
      result.append(character)
    }
  }

  /// The key that a notification is about; nil when it says nothing about its value.
  func changedKey(_ channel: Bytes, event: Bytes) -> Bytes? {
    guard channel.count > channelPrefix.count, channel.slice(0..<channelPrefix.count) == channelPrefix else {
      return nil
    }
    // A lifetime that was changed, by the same command that writes most of the time.
    if event == "expire" || event == "persist" { return nil }
    return channel.slice(channelPrefix.count..<channel.count)
  }

  /// What has to be notified of: keys, by what becomes of all of them (g), of strings ($), expiry (x) and eviction (e).
  private static let needed = "Kg$xe"

  /// Sees to it that the server notifies.
  ///
  /// - Returns: Whether it is known to.
  /// - Throws: When it could not be asked.
  func enable(
    _ send: @Sendable (RedisCommand) async throws(RedisError) -> RedisReply
  ) async throws(RedisError) -> RedisKeyWatching {
    do throws(RedisError) {
      let present = try await send(RedisCommand("CONFIG", ["GET", "notify-keyspace-events"])).array?.last?.text ?? ""
      // A stands for all but two that are of no use here.
      let has = Set(present).union(present.contains("A") ? Set("g$xe") : [])
      if has.isSuperset(of: Self.needed) { return .notifications }
      _ = try await send(RedisCommand("CONFIG", ["SET", "notify-keyspace-events", .text(present + Self.needed)]))
      return .notifications
    } catch {
      guard error.code == .permissionDenied || error.code == .serverError else { throw error }
      return .unconfirmedNotifications
    }
  }
}
