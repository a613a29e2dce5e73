//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Which memcached servers to use, and how patient to be with them.
///
/// ```swift
/// var configuration = try MemcachedConfiguration(url: "memcached://cache1:11211,cache2:11211?weight=2")
/// configuration.timeout = .milliseconds(100)
/// let backend = try MemcachedBackend(configuration: configuration)
/// ```
///
/// SASL authentication is not supported: it needs the binary protocol, which memcached's makers have deprecated. Restrict
/// who can reach the servers by network means or by a Unix domain socket's permissions.
public struct MemcachedConfiguration: Hashable, Sendable {
  /// The servers; keys are spread over them by weighted consistent hashing (ketama). All nodes that share the servers
  /// must name them alike. A server that is down is not stood in for by another: its keys are misses until it is back,
  /// because a copy that an invalidation has reached only on a stand-in would come back to life with the server.
  public var hosts: [MemcachedHost]
  /// Begins every key, so that several applications can share the servers; 1 to 64 visible ASCII characters.
  public var namespace: String
  /// How long one call may take, whatever the server does: waiting in the queue, connecting, sending, receiving. Finer
  /// than a millisecond is rounded up.
  public var timeout: Duration
  /// How long connecting may take.
  public var connectTimeout: Duration
  /// How long to wait for a server to take or to send the next piece.
  public var responseTimeout: Duration
  /// How many threads, each with a connection of its own, work for each host.
  public var workersPerHost: Int
  /// How many calls may wait for each host. One more fails at once.
  public var maximumQueueLength: Int
  /// How many bytes of values may wait for each host to be stored.
  public var maximumQueuedBytes: Int
  /// How many keys are asked for in one round trip at most, 1 to 256.
  public var batchSize: Int
  /// How many failures in a row make a host count as down, so that calls for it fail at once.
  public var failureThreshold: Int
  /// How long a host that is down is left alone before one call tries it again. Doubles with every try that fails.
  public var retryTimeout: Duration
  /// What `retryTimeout` grows to at most.
  public var deadTimeout: Duration
  /// The largest value that the servers take (their `-I`, 1 MiB unless said otherwise) less what they add to it themselves.
  /// Larger ones are split.
  public var itemSizeLimit: Int
  /// The largest value that is stored at all, and that is taken from a server: larger ones are misses.
  public var maximumValueSize: Int
  /// What is spoken with the servers.
  public var wireProtocol: WireProtocol

  /// What is spoken with the servers.
  public struct WireProtocol: Hashable, Sendable {
    enum Kind { case text, binary }
    let kind: Kind
    /// The text protocol, the default.
    public static let text = WireProtocol(kind: .text)
    /// The binary protocol. Deprecated by memcached; for servers and proxies that demand it.
    public static let binary = WireProtocol(kind: .binary)
  }

  /// - Parameters: see the properties of the same names.
  public init(
    hosts: [MemcachedHost] = [MemcachedHost("127.0.0.1")], namespace: String = "http-cache",
    timeout: Duration = .milliseconds(250), connectTimeout: Duration = .milliseconds(150),
    responseTimeout: Duration = .milliseconds(200), workersPerHost: Int = 2, maximumQueueLength: Int = 4096,
    maximumQueuedBytes: Int = 64 << 20, batchSize: Int = 64, failureThreshold: Int = 3,
    retryTimeout: Duration = .milliseconds(250), deadTimeout: Duration = .seconds(5),
    itemSizeLimit: Int = (1 << 20) - 1024, maximumValueSize: Int = 64 << 20, wireProtocol: WireProtocol = .text
  ) {
    self.hosts = hosts
    self.namespace = namespace
    self.timeout = timeout
    self.connectTimeout = connectTimeout
    self.responseTimeout = responseTimeout
    self.workersPerHost = workersPerHost
    self.maximumQueueLength = maximumQueueLength
    self.maximumQueuedBytes = maximumQueuedBytes
    self.batchSize = batchSize
    self.failureThreshold = failureThreshold
    self.retryTimeout = retryTimeout
    self.deadTimeout = deadTimeout
    self.itemSizeLimit = itemSizeLimit
    self.maximumValueSize = maximumValueSize
    self.wireProtocol = wireProtocol
  }

  /// The hosts of `url`, and defaults for the rest.
  ///
  /// - Parameter url: `memcached://` and hosts separated by commas; a host is `name:port`, `[IPv6]:port`, or the absolute
  ///   path of a Unix domain socket, and may be followed by `?weight=N`:
  ///   `memcached://cache1:11211,cache2:11211?weight=2`, `memcached:///run/memcached.sock`.
  /// - Throws: ``CacheConfigurationError`` that says which part is not understood.
  public init(url: String) throws(CacheConfigurationError) {
    self.init(hosts: try MemcachedURL.hosts(of: url))
    try validate()
  }
}
