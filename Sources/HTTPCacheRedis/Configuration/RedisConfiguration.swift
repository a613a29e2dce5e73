//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// How to reach Redis, and how long to bear with it.
///
/// The defaults suit a cache: a server that does not answer within a quarter of a second is slower than most origins, and
/// counts as having nothing.
///
/// ```swift
/// var configuration = try RedisConfiguration(url: "redis://cache:secret@redis.internal:6379/2")
/// configuration.commandTimeout = .milliseconds(100)
/// ```
public struct RedisConfiguration: Sendable {
  /// Which servers, and how they are organised.
  public var mode: Mode
  /// Who one is to the servers; nil for servers that ask nobody.
  public var credentials: RedisCredentials?
  /// The number of the database, 0 to begin with. A cluster has only 0.
  public var database: Int
  /// The name under which the server lists the connections (`CLIENT LIST`); nil for none.
  public var clientName: String?
  /// How many connections carry small values, 1 or more for every server. One more is made for large values when there are any.
  public var connectionsPerHost: Int
  /// From how many bytes a value counts as large and travels on a connection of its own, so that small ones need not wait behind it.
  public var largeValueThreshold: Int
  /// How long a large value that did not arrive within the command timeout is not asked for again.
  package var largeValueRest = Duration.seconds(30)
  /// How many threads wait for the servers. One is enough for some hundred thousand commands a second.
  public var eventLoopCount: Int
  /// How long making a connection may take: the look-up of the host's name, the connecting itself, and signing in.
  public var connectTimeout: Duration
  /// How long a command may take. Then its caller goes on without an answer, and the connection stays.
  public var commandTimeout: Duration
  /// How long a server may owe an answer without sending anything at all. Then the connection is given up.
  public var headOfLineTimeout: Duration
  /// How long a caller who is alone waits for its answer in its own thread; zero, unless set, for not at all.
  ///
  /// A thread of the concurrency runtime is then held up for so long at most, with nothing else running on it, and at most
  /// one for each connection. In return an answer takes one wake-up instead of two: with a server on the same machine, half
  /// of the time. Worth it where cores are plenty, the server is near, and few requests reach it at a time. Whoever waits in
  /// vain leaves the answer to the client's thread, and nobody tries again for 32 commands, or up to 4,112 if that happens
  /// often; callers that are not
  /// alone never wait like this. One millisecond at most; 150 µs suit a server on the same machine.
  public var callerWaitLimit: Duration
  /// How many commands may be waiting on one connection. More are refused at once.
  public var maximumQueuedCommands: Int
  /// How many bytes of commands may be waiting on one connection. More are refused at once.
  public var maximumQueuedBytes: Int
  /// How long to wait before a lost connection is made again.
  public var reconnect: Reconnect
  /// When to stop asking a server that does not answer.
  public var circuitBreaker: CircuitBreaker
  /// After how long a silence the system asks whether the peer is still there; nil for never. TCP only.
  public var keepAlive: Duration?
  /// What every key begins with, so that several caches may share a server.
  public var namespace: String
  /// How many bytes an entry may have, head and body. Larger ones are refused, and not sent.
  public var maximumEntrySize: Int
  /// How many invalidations are kept for those who do not know them yet, about. Entries that are older than the oldest of
  /// them are not used any more.
  public var invalidationLogLength: Int

  /// - Parameters: see the properties of the same names.
  public init(
    mode: Mode = .single(), credentials: RedisCredentials? = nil, database: Int = 0,
    clientName: String? = "swift-http-cache", connectionsPerHost: Int = 1, largeValueThreshold: Int = 64 * 1024,
    eventLoopCount: Int = 1, connectTimeout: Duration = .seconds(1), commandTimeout: Duration = .milliseconds(250),
    headOfLineTimeout: Duration = .seconds(2), callerWaitLimit: Duration = .zero, maximumQueuedCommands: Int = 16384,
    maximumQueuedBytes: Int = 64 * 1024 * 1024, reconnect: Reconnect = Reconnect(),
    circuitBreaker: CircuitBreaker = CircuitBreaker(), keepAlive: Duration? = .seconds(15),
    namespace: String = "swift-http-cache", maximumEntrySize: Int = 64 * 1024 * 1024,
    invalidationLogLength: Int = 65_536
  ) {
    self.mode = mode
    self.credentials = credentials
    self.database = database
    self.clientName = clientName
    self.connectionsPerHost = connectionsPerHost
    self.largeValueThreshold = largeValueThreshold
    self.eventLoopCount = eventLoopCount
    self.connectTimeout = connectTimeout
    self.commandTimeout = commandTimeout
    self.headOfLineTimeout = headOfLineTimeout
    self.callerWaitLimit = callerWaitLimit
    self.maximumQueuedCommands = maximumQueuedCommands
    self.maximumQueuedBytes = maximumQueuedBytes
    self.reconnect = reconnect
    self.circuitBreaker = circuitBreaker
    self.keepAlive = keepAlive
    self.namespace = namespace
    self.maximumEntrySize = maximumEntrySize
    self.invalidationLogLength = invalidationLogLength
  }

  /// One server, by its URL.
  ///
  /// `redis://[user:password@]host[:port][/database]` or `unix://[user:password@]/path/of/the/socket[?db=number]`. User and
  /// password are percent-encoded; `redis://:password@host` gives a password only.
  ///
  /// - Throws: ``CacheConfigurationError``, for a URL that is none of these. `rediss` (TLS) is refused: hiredis 0.14 has none.
  public init(url: String) throws(CacheConfigurationError) {
    let parsed = try RedisURL(url)
    self.init(mode: .single(parsed.endpoint), credentials: parsed.credentials, database: parsed.database)
  }

  /// How long to wait before a lost connection is made again: a random time up to a limit that doubles with every failure.
  public struct Reconnect: Hashable, Sendable {
    /// The limit after the first failure.
    public var minimum: Duration
    /// The limit that is never exceeded.
    public var maximum: Duration

    /// - Parameters: see the properties of the same names.
    public init(minimum: Duration = .milliseconds(50), maximum: Duration = .seconds(5)) {
      self.minimum = minimum
      self.maximum = maximum
    }
  }

  /// When to stop asking a server that does not answer, and for how long.
  public struct CircuitBreaker: Hashable, Sendable {
    /// After how many failures without a success between them; nil never stops asking.
    public var failureThreshold: Int?
    /// How long nobody asks. Then one command tries; when it fails too, the time doubles.
    public var openDuration: Duration
    /// How long the time may become.
    public var maximumOpenDuration: Duration

    /// - Parameters: see the properties of the same names.
    public init(
      failureThreshold: Int? = 10, openDuration: Duration = .milliseconds(250),
      maximumOpenDuration: Duration = .seconds(5)
    ) {
      self.failureThreshold = failureThreshold
      self.openDuration = openDuration
      self.maximumOpenDuration = maximumOpenDuration
    }
  }
}
