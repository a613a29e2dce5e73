//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

extension RedisConfiguration {
  /// - Throws: ``CacheConfigurationError``, for values that make no sense.
  package func validate() throws(CacheConfigurationError) {
    switch mode.kind {
    case .single(let endpoint):
      try Self.check(endpoint)
    case .cluster(let seeds):
      guard !seeds.isEmpty else { throw CacheConfigurationError("a Redis cluster needs one seed or more") }
      for seed in seeds { try Self.check(seed) }
      guard database == 0 else {
        throw CacheConfigurationError("database \(database) was asked for, but a Redis cluster has only database 0")
      }
    case .sentinel(let master, let sentinels, _):
      guard !sentinels.isEmpty else { throw CacheConfigurationError("the mode sentinel needs one sentinel or more") }
      for sentinel in sentinels { try Self.check(sentinel) }
      guard !master.isEmpty else {
        throw CacheConfigurationError("the mode sentinel needs the name of the master that the sentinels watch")
      }
    }
    try Self.require(database >= 0, "database is \(database); it must be 0 or more")
    if let clientName {
      try Self.require(
        !clientName.isEmpty && clientName.utf8.allSatisfy { (0x21...0x7E).contains($0) },
        "clientName is \(clientName.debugDescription); Redis takes printable ASCII without spaces, or use nil")
    }
    try Self.require((1...64).contains(connectionsPerHost), "connectionsPerHost is \(connectionsPerHost); use 1 to 64")
    try Self.require((1...64).contains(eventLoopCount), "eventLoopCount is \(eventLoopCount); use 1 to 64")
    try Self.require(largeValueThreshold > 0, "largeValueThreshold is \(largeValueThreshold); it must be 1 or more")
    try Self.require(
      maximumQueuedCommands > 0, "maximumQueuedCommands is \(maximumQueuedCommands); it must be 1 or more")
    try Self.require(maximumQueuedBytes > 0, "maximumQueuedBytes is \(maximumQueuedBytes); it must be 1 or more")
    // Redis itself takes no string beyond 512 MiB.
    try Self.require(
      (1...512 * 1024 * 1024).contains(maximumEntrySize),
      "maximumEntrySize is \(maximumEntrySize); use 1 byte to 512 MiB")
    try Self.require(
      (100...InvalidationMirror.limit).contains(invalidationLogLength),
      "invalidationLogLength is \(invalidationLogLength); use 100 to \(InvalidationMirror.limit)")
    for (name, value) in [
      ("connectTimeout", connectTimeout), ("commandTimeout", commandTimeout), ("headOfLineTimeout", headOfLineTimeout),
      ("reconnect.minimum", reconnect.minimum), ("circuitBreaker.openDuration", circuitBreaker.openDuration),
    ] {
      try Self.require(
        value >= .milliseconds(1) && value <= .seconds(86400), "\(name) is \(value); use 1 ms to 1 day")
    }
    try Self.require(
      callerWaitLimit >= .zero && callerWaitLimit <= .milliseconds(1),
      "callerWaitLimit is \(callerWaitLimit); use 1 ms at most, or zero for none: it holds up a thread")
    try Self.require(
      headOfLineTimeout >= commandTimeout,
      "headOfLineTimeout (\(headOfLineTimeout)) is below commandTimeout (\(commandTimeout)): connections would be given up before their commands"
    )
    try Self.require(
      reconnect.maximum >= reconnect.minimum && reconnect.maximum <= .seconds(86400),
      "reconnect.maximum (\(reconnect.maximum)) must be between reconnect.minimum (\(reconnect.minimum)) and 1 day")
    try Self.require(
      circuitBreaker.maximumOpenDuration >= circuitBreaker.openDuration
        && circuitBreaker.maximumOpenDuration <= .seconds(86400),
      "circuitBreaker.maximumOpenDuration must be between openDuration and 1 day")
    if let threshold = circuitBreaker.failureThreshold {
      try Self.require(
        threshold > 0, "circuitBreaker.failureThreshold is \(threshold); use 1 or more, or nil for never")
    }
    if let keepAlive {
      try Self.require(
        keepAlive >= .seconds(1) && keepAlive <= .seconds(32767), "keepAlive is \(keepAlive); use 1 to 32767 s, or nil")
    }
    try Self.require(
      !namespace.isEmpty && !namespace.utf8.contains { $0 <= 0x20 || $0 == 0x7F || $0 == 0x7B || $0 == 0x7D },
      "namespace is \(namespace.debugDescription); it must not be empty, nor contain spaces, control characters or braces"
    )
  }

  private static func check(_ endpoint: RedisEndpoint) throws(CacheConfigurationError) {
    if let problem = endpoint.problem { throw CacheConfigurationError(problem) }
  }

  private static func require(
    _ condition: Bool, _ message: @autoclosure () -> String
  ) throws(CacheConfigurationError) {
    guard condition else { throw CacheConfigurationError(message()) }
  }
}
