//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Connects the nodes that share a Redis server, by a channel of it (`namespace:backplane`).
///
/// ```swift
/// let configuration = try RedisConfiguration(url: "redis://cache.internal:6379")
/// let backend = try MultiTierBackend(
///   near: InMemoryBackend(), far: RedisBackend(configuration: configuration),
///   backplane: RedisBackplane(configuration: configuration))
/// Task { await backend.run() }
/// ```
///
/// Redis keeps no message for a node that is not listening. Whenever the connection was lost, the node doubts all its copies
/// as soon as it is back. The user must be allowed the commands `PUBLISH` and `SUBSCRIBE`, and the channel.
///
/// All messages travel on one connection, so that they arrive in their order. It is the backplane's own: they do not wait
/// behind entries. In a cluster, and with sentinels, the connections move with the servers.
public final class RedisBackplane: Backplane {
  /// How many events wait for the node at most. Beyond that the oldest are lost, and it doubts its copies.
  static let limit = 4096

  private let client: RedisClient
  private let channel: String
  private let keys: RedisKeys
  private let watchesKeys: Bool
  private let lastSubscriber = Locked(WeakSubscriber())

  private struct WeakSubscriber {
    weak var subscriber: RedisSubscriber?
  }

  /// Begins to connect.
  ///
  /// - Parameters:
  ///   - configuration: Which server; its namespace is that of the entries. How connections are shared does not matter.
  ///   - watchesKeys: Whether the server shall report entries that anybody removes or writes, those too who are no nodes:
  ///     `redis-cli`, or the server itself when it evicts. By `CLIENT TRACKING`, which needs Redis 6 and the permission to
  ///     use `CLIENT`; where that is refused, by keyspace notifications, which are switched on with `CONFIG SET` if they
  ///     are not (``keyWatching`` says what has come of it). Does not work in a cluster, whose nodes report only their own
  ///     keys. A report does not say who has written, so that a node asks for what it has stored itself once more.
  /// - Throws: ``CacheConfigurationError`` for a configuration that makes no sense, ``CacheError`` when the system has no
  ///   thread or descriptor left.
  public init(configuration: RedisConfiguration = RedisConfiguration(), watchesKeys: Bool = false) throws {
    if watchesKeys, case .cluster = configuration.mode.kind {
      throw CacheConfigurationError(
        "watchesKeys is true, but every node of a Redis cluster reports only its own keys; use false")
    }
    var configuration = configuration
    // Several connections would have no common order.
    configuration.connectionsPerHost = 1
    configuration.largeValueThreshold = .max
    do {
      client = try RedisClient(configuration)
    } catch let error as RedisError {
      throw CacheError(error)
    }
    keys = RedisKeys(namespace: configuration.namespace)
    channel = keys.backplane
    self.watchesKeys = watchesKeys
  }

  /// Returns when messages can be sent. A node does not have to wait for that.
  ///
  /// - Throws: ``CacheError``: why they cannot, when that has taken longer than `limit`.
  public func waitUntilReady(within limit: Duration = .seconds(5)) async throws {
    do throws(RedisError) {
      try await client.waitUntilReady(within: limit)
    } catch {
      throw CacheError(error)
    }
  }

  /// Sends a message to all nodes, this one included.
  ///
  /// - Throws: ``CacheError``, when the server cannot be reached or refuses.
  public func publish(_ message: BackplaneMessage) async throws {
    // By the channel's slot, so that in a cluster it is always the same node that passes them on.
    let command = RedisCommand("PUBLISH", key: .text(channel), .bytes(message.encoded()))
    do throws(RedisError) {
      _ = try await client.send(command)
    } catch {
      throw CacheError(error)
    }
  }

  /// What happens from now on, until whoever iterates stops.
  public func events() -> AsyncStream<BackplaneEvent> {
    AsyncStream(bufferingPolicy: .bufferingNewest(Self.limit)) { continuation in
      let relay = BackplaneRelay(continuation, keys: keys)
      let subscriber = client.subscribe(
        channels: [channel], tracking: watchesKeys ? .init(prefix: keys.entryPrefix) : nil
      ) { relay.receive($0) }
      lastSubscriber.withLock { $0.subscriber = subscriber }
      continuation.onTermination = { _ in subscriber.close() }
    }
  }

  /// By which means the server reports what happens to keys at the moment; nil when it does not, or nobody listens.
  public var keyWatching: RedisKeyWatching? { lastSubscriber.withLock { $0.subscriber }?.means }

  /// What has happened between this backplane and the server so far.
  public var statistics: RedisStatistics { client.statistics }

  /// Closes all connections. From then on nothing can be sent, and nothing arrives.
  public func shutdown() async { await client.shutdown() }
}
