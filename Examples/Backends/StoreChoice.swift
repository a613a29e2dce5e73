//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache
internal import HTTPCacheMemcached
internal import HTTPCacheRedis

/// One store, as a command line names it: `memory`, `redis://…`, `unix://…` (Redis, too) or `memcached://…`.
public struct StoreChoice: Sendable, CustomStringConvertible {
  enum Kind: Sendable {
    case memory
    case redis(RedisConfiguration)
    case memcached(MemcachedConfiguration)
  }

  let kind: Kind
  /// The choice as it would be typed, without the password.
  public let description: String

  /// This process's memory.
  public static let memory = StoreChoice(kind: .memory, description: "memory")

  var isMemory: Bool { if case .memory = kind { true } else { false } }
  var isRedis: Bool { if case .redis = kind { true } else { false } }

  private init(kind: Kind, description: String) {
    self.kind = kind
    self.description = description
  }

  /// Reads a choice.
  ///
  /// - Throws: ``CacheConfigurationError`` that says which part is not understood.
  public init(_ text: String) throws(CacheConfigurationError) {
    let kind: Kind
    switch text.prefix(while: { $0 != ":" }).lowercased() {
    case "memory" where text.lowercased() == "memory": kind = .memory
    case "redis", "rediss", "unix", "redis+unix": kind = .redis(try RedisConfiguration(url: text))
    case "memcached": kind = .memcached(try MemcachedConfiguration(url: text))
    default:
      throw CacheConfigurationError(
        "\"\(Self.redacted(text))\" is no store; write memory, redis://HOST:PORT, unix:///PATH (Redis) or memcached://HOST:PORT"
      )
    }
    self.init(kind: kind, description: Self.redacted(text))
  }

  /// Opens the store. A server that is not there is no error: it has nothing, until it is.
  ///
  /// - Parameters:
  ///   - capacity: How many bytes responses may take, in memory.
  ///   - namespace: What keys begin with, in a server; nil for what the module does by default.
  /// - Throws: ``CacheConfigurationError`` for a capacity or namespace that makes no sense; others when the system has
  ///   no thread or descriptor left.
  public func open(capacity: Int, namespace: String? = nil) throws -> OpenedBackend {
    switch kind {
    case .memory:
      return OpenedBackend(try InMemoryBackend(configuration: .init(capacity: capacity)))
    case .redis(var configuration):
      if let namespace { configuration.namespace = namespace }
      let backend = try RedisBackend(configuration: configuration)
      return OpenedBackend(
        backend,
        servers: [OpenedBackend.Server(name: description) { try await backend.waitUntilReady(within: .seconds(1)) }],
        closing: { await backend.shutdown() })
    case .memcached(var configuration):
      if let namespace { configuration.namespace = namespace }
      let backend = try MemcachedBackend(configuration: configuration)
      // Nothing is stored under these keys. So many of them that hardly a host has none.
      let probes = (0..<16 * configuration.hosts.count).map { CacheKey(custom: "probe \($0)") }
      return OpenedBackend(
        backend,
        servers: [
          OpenedBackend.Server(name: description) { for probe in probes { _ = try await backend.lookup(probe) } }
        ],
        closing: { await backend.shutdown() })
    }
  }

  /// Opens what tells the programs that share the store of each other's invalidations: for those who keep copies in a memory
  /// of their own.
  ///
  /// - Parameters:
  ///   - namespace: As for ``open(capacity:namespace:)``.
  ///   - watchesKeys: Whether the server shall also report what others than these programs do to its entries.
  /// - Returns: Nil for a store that has no such thing; then copies are compared every now and then.
  /// - Throws: As ``open(capacity:namespace:)``.
  public func openBackplane(namespace: String? = nil, watchesKeys: Bool = false) throws -> OpenedBackplane? {
    guard case .redis(var configuration) = kind else { return nil }
    if let namespace { configuration.namespace = namespace }
    let backplane = try RedisBackplane(configuration: configuration, watchesKeys: watchesKeys)
    return OpenedBackplane(backplane) { await backplane.shutdown() }
  }

  /// `text` without what stands before an @ in its authority.
  private static func redacted(_ text: String) -> String {
    guard let scheme = text.firstRange(of: "://") else { return text }
    let rest = text[scheme.upperBound...]
    guard let at = rest.lastIndex(of: "@") else { return text }
    return text[..<scheme.upperBound] + "•••" + rest[at...]
  }
}
