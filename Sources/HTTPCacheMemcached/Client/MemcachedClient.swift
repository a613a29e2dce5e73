//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// Asks memcached servers, on threads of its own.
///
/// Each host has its own queue, circuit breaker and workers; each worker has its own connection. Reads that wait at the
/// same time go out as one request. The keys are spread over the hosts by libmemcached's weighted ketama.
package final class MemcachedClient: Sendable {
  private let lanes: [MemcachedLane]
  private let router: MemcachedRouter
  private let watchdog: MemcachedWatchdog
  private let threads = MemcachedThreads()
  private let clock: CacheClock
  private let timeout: Duration

  /// - Throws: When the configuration makes no sense, or the system has no threads to give. Not when no server is there.
  package init(
    configuration: MemcachedConfiguration, clock: CacheClock = .system
  ) throws(CacheConfigurationError) {
    try configuration.validate()
    self.clock = clock
    timeout = configuration.timeout
    router = try MemcachedRouter(configuration.hosts)
    lanes = configuration.hosts.map { MemcachedLane(host: $0, configuration: configuration, clock: clock) }
    watchdog = MemcachedWatchdog(limit: configuration.timeout, clock: clock)
    do {
      try startThreads(configuration)
    } catch {
      stop()
      throw error
    }
  }

  private func startThreads(_ configuration: MemcachedConfiguration) throws(CacheConfigurationError) {
    // The threads hold what they work with, and not the client: when the last user lets go of it, they end.
    let (lanes, watchdog) = (lanes, watchdog)
    try threads.start("memcached-timer") { watchdog.run(lanes) }
    for lane in lanes {
      for number in 0..<configuration.workersPerHost {
        let worker = MemcachedWorker(lane: lane, number: number, configuration: configuration, clock: clock)
        try threads.start("memcached-\(number)") { worker.run() }
      }
    }
  }

  deinit { stop() }

  private func stop() {
    for lane in lanes { lane.shutdown() }
    watchdog.shutdown()
  }

  /// Fails what waits, lets what is under way end, and returns when all threads and connections are gone. That takes no
  /// longer than the timeouts, except that looking up a host's name cannot be interrupted.
  package func shutdown() async {
    stop()
    await threads.end()
  }

  // MARK: Commands

  /// The number of hosts.
  package var hostCount: Int { lanes.count }

  /// The host with this number, for messages.
  package func hostName(_ host: Int) -> String { lanes[host].name }

  /// How the hosts have been doing.
  package var statistics: [MemcachedHostStatistics] { lanes.map(\.statistics) }

  /// The values of this host that are too large to arrive in time.
  func slowValues(of host: Int) -> MemcachedSlowValues { lanes[host].slowValues }

  /// Which host `key` falls to.
  package func host(of key: MemcachedKey) -> Int { lanes.count == 1 ? 0 : router.hostIndex(of: key) }

  /// The values of `keys`, in their order; nil for those that the servers do not have.
  package func get(_ keys: [MemcachedKey]) async throws -> [MemcachedItem?] {
    guard let first = keys.first else { return [] }
    let hosts = keys.map { host(of: $0) }
    let firstHost = host(of: first)
    if hosts.allSatisfy({ $0 == firstHost }) { return try await get(keys, from: firstHost) }
    var positions = [[Int]](repeating: [], count: lanes.count)
    for (position, host) in hosts.enumerated() { positions[host].append(position) }
    let asked = positions.indices.filter { !positions[$0].isEmpty }
    let replies = await perform(
      asked.map { host in (host, .get(positions[host].map { keys[$0] })) })
    var items = [MemcachedItem?](repeating: nil, count: keys.count)
    for (host, reply) in zip(asked, replies) {
      for (position, item) in zip(positions[host], try self.items(reply.get())) { items[position] = item }
    }
    return items
  }

  /// The value of `key`.
  package func get(_ key: MemcachedKey) async throws -> MemcachedItem? {
    try await get([key], from: host(of: key)).first ?? nil
  }

  /// The values of `keys`, all of which are asked of the host with this number.
  package func get(_ keys: [MemcachedKey], from host: Int) async throws -> [MemcachedItem?] {
    try items(try await perform(.get(keys), at: host))
  }

  private func items(_ reply: MemcachedReply) throws -> [MemcachedItem?] {
    guard case .items(let items) = reply else { throw mismatch }
    return items
  }

  // Where no host is given, the one that the key falls to is asked.

  /// Stores a value, in place of what is there.
  package func set(
    _ key: MemcachedKey, _ value: MemcachedValue, _ expiration: MemcachedExpiration, at host: Int? = nil
  ) async throws -> MemcachedStoreOutcome {
    try outcome(try await perform(.set(key, value, expiration), at: host ?? self.host(of: key)))
  }

  /// Stores several values, in place of what is there; all are sent at once.
  package func set(
    _ values: [(key: MemcachedKey, value: MemcachedValue)], _ expiration: MemcachedExpiration
  ) async throws -> [MemcachedStoreOutcome] {
    let replies = await perform(values.map { (host(of: $0.key), .set($0.key, $0.value, expiration)) })
    return try replies.map { try outcome($0.get()) }
  }

  /// Stores a value, if there is none. When a connection breaks it may be sent twice, and find its own value: whoever is
  /// told that there was one looks what it is.
  package func add(
    _ key: MemcachedKey, _ value: MemcachedValue, _ expiration: MemcachedExpiration, at host: Int? = nil
  ) async throws -> MemcachedStoreOutcome {
    try outcome(try await perform(.add(key, value, expiration), at: host ?? self.host(of: key)))
  }

  /// Stores a value in place of the one that was found with `unique`. May be sent twice, as `add`.
  package func compareAndSet(
    _ key: MemcachedKey, _ value: MemcachedValue, _ expiration: MemcachedExpiration, unique: UInt64,
    at host: Int? = nil
  ) async throws -> MemcachedStoreOutcome {
    try outcome(
      try await perform(.compareAndSet(key, value, expiration, unique: unique), at: host ?? self.host(of: key)))
  }

  private func outcome(_ reply: MemcachedReply) throws -> MemcachedStoreOutcome {
    guard case .stored(let outcome) = reply else { throw mismatch }
    return outcome
  }

  /// Adds one to a counter; when a connection breaks, perhaps more.
  ///
  /// - Returns: What it is then; nil when there is none.
  package func increment(_ key: MemcachedKey, at host: Int? = nil) async throws -> UInt64? {
    guard case .counter(let counter) = try await perform(.increment(key), at: host ?? self.host(of: key)) else {
      throw mismatch
    }
    return counter
  }

  /// Deletes a value.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  package func delete(_ key: MemcachedKey, at host: Int? = nil) async throws -> Bool {
    guard case .deleted(let wasThere) = try await perform(.delete(key), at: host ?? self.host(of: key)) else {
      throw mismatch
    }
    return wasThere
  }

  /// Sends several commands at once, which the host carries out in their order.
  ///
  /// - Returns: The replies, in the order of the commands.
  func perform(_ commands: [MemcachedCommand], from host: Int) async throws -> [MemcachedReply] {
    // A read alone can be put together with others.
    if commands.count == 1, commands[0].isRead { return [try await perform(commands[0], at: host)] }
    guard case .sequence(let replies) = try await perform(.sequence(commands), at: host),
      replies.count == commands.count
    else { throw mismatch }
    return replies
  }

  private var mismatch: MemcachedError {
    MemcachedError(.protocolViolated, host: lanes[0].name, "the answer does not fit the question")
  }

  // MARK: Performing

  private func perform(_ command: MemcachedCommand, at host: Int) async throws -> MemcachedReply {
    let now = clock.now
    let job = MemcachedJob(command, deadline: now.advanced(by: timeout))
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        if job.attach(continuation) { submit(job, to: host, at: now) }
      }
    } onCancel: {
      job.finish(.failure(CancellationError()))
    }
  }

  private func perform(
    _ commands: [(host: Int, command: MemcachedCommand)]
  ) async -> [Result<MemcachedReply, any Error>] {
    guard !commands.isEmpty else { return [] }
    let now = clock.now
    let deadline = now.advanced(by: timeout)
    let gathering = Gathering(count: commands.count)
    let jobs = commands.enumerated().map { index, call in
      MemcachedJob(call.command, deadline: deadline, part: index, of: gathering)
    }
    return await withTaskCancellationHandler {
      for (job, call) in zip(jobs, commands) { submit(job, to: call.host, at: now) }
      return await gathering.results()
    } onCancel: {
      for job in jobs { job.finish(.failure(CancellationError())) }
    }
  }

  private func submit(_ job: MemcachedJob, to host: Int, at now: CacheInstant) {
    lanes[host].submit(job, at: now)
    watchdog.callWasQueued()
  }
}
