//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// Listens to channels, for as long as it exists: lost connections are made again, and the subscriptions with them.
///
/// Redis keeps nothing for those who do not listen. So whoever relies on messages has to know when some may have been
/// missed: each ``Event/ready`` says that from now on nothing is, and that anything may have been before.
package final class RedisSubscriber: Sendable {
  package enum Event: Sendable {
    /// All subscriptions are in force. What was published since the last `interrupted` is lost.
    case ready
    case message(channel: String, payload: Bytes, pattern: String?)
    /// Keys that others have changed or removed, or that have expired; the server may also name some that nothing happened to.
    case invalidated(keys: [Bytes])
    /// The server's database was emptied.
    case invalidatedAll
    /// Nothing is heard at the moment.
    case interrupted(RedisError)
  }

  /// Keys whose changes the server shall report, by whichever means it grants.
  package struct Tracking: Sendable {
    package var prefix: String
    package init(prefix: String) { self.prefix = prefix }
  }

  private struct State {
    var connection: RedisConnection?
    /// The connection that has asked the server to report changes to this one: it cannot do so itself while it listens.
    var tracker: RedisConnection?
    var clientID: Int64?
    var confirmations = 0
    var isReady = false
    var isClosed = false
    /// Whether the server has refused `CLIENT TRACKING`, so that its notifications are listened to instead.
    var isTrackingRefused = false
    /// Whether that has just been found out: the connection was made for tracking.
    var startsAnew = false
    var means: RedisKeyWatching?

    /// Takes in an answer to what tracking needs: the server may have understood, and not do it, for this user, in this
    /// version, or at all.
    mutating func note(_ reply: RedisReply) {
      guard let code = reply.error?.code, code == .permissionDenied || code == .serverError else { return }
      (isTrackingRefused, startsAnew) = (true, true)
    }
  }

  typealias Sender = @Sendable (RedisCommand) async throws(RedisError) -> RedisReply

  private static let invalidationChannel = "__redis__:invalidate"

  private let endpoint: @Sendable () -> RedisEndpoint?
  private let send: Sender?
  private let configuration: RedisConfiguration
  private let channels: [String]
  private let patterns: [String]
  private let tracking: Tracking?
  private let notifications: KeyNotifications?
  private let loop: RedisEventLoop
  private let counters: RedisCounters
  private let handler: @Sendable (Event) -> Void
  private let state = Locked(State())

  /// - Parameters:
  ///   - endpoint: Where to listen; asked again whenever the connection is lost.
  ///   - send: Asks that server something; needed for `tracking`.
  ///   - handler: Called on the loop's thread, which it must not hold up.
  init(
    endpoint: @escaping @Sendable () -> RedisEndpoint?, send: Sender? = nil, configuration: RedisConfiguration,
    channels: [String] = [],
    patterns: [String] = [], tracking: Tracking? = nil, loop: RedisEventLoop, counters: RedisCounters,
    handler: @escaping @Sendable (Event) -> Void
  ) {
    self.endpoint = endpoint
    self.send = send
    self.configuration = configuration
    self.channels = channels
    self.patterns = patterns
    self.tracking = tracking
    notifications = tracking.map { KeyNotifications(prefix: $0.prefix, database: configuration.database) }
    self.loop = loop
    self.counters = counters
    self.handler = handler
    connect()
  }

  deinit { close() }

  /// Stops listening.
  package func close() {
    let connections = state.withLock { state in
      state.isClosed = true
      defer { (state.connection, state.tracker) = (nil, nil) }
      return [state.connection, state.tracker].compactMap { $0 }
    }
    for connection in connections { connection.remove() }
  }

  /// How changes to keys are reported at the moment; nil when they are not.
  package var means: RedisKeyWatching? { state.withLock { $0.isReady ? $0.means : nil } }

  private func signIn(_ others: [SignIn.Step]) -> SignIn {
    SignIn(
      credentials: configuration.credentials, database: configuration.database, clientName: configuration.clientName,
      others: others)
  }

  private func settings(_ others: [SignIn.Step]) -> RedisConnection.Settings {
    RedisConnection.Settings(configuration, signIn: signIn(others), counters: counters)
  }

  private func connect() {
    guard let endpoint = endpoint() else {
      // Not known yet, or not at the moment: whoever has to find out is at it.
      Task { [weak self] in
        try? await Task.sleep(for: .milliseconds(50))
        if let self, !self.state.withLock({ $0.isClosed }) { self.connect() }
      }
      return
    }
    let identify = SignIn.Step.other(RedisCommand("CLIENT", ["ID"])) { [weak self] reply in
      self?.state.withLock { state in
        state.clientID = reply.integer
        state.note(reply)
      }
    }
    let tracks = tracking != nil && !state.withLock { $0.isTrackingRefused }
    let connection = RedisConnection(
      endpoint, settings: settings(tracks ? [identify] : []), loop: loop,
      observer: RedisConnection.Observer(
        becameActive: { [weak self] in self?.subscribe() },
        failed: { [weak self] in self?.interrupted($0, isTracker: false) },
        received: { [weak self] in self?.received($0) }))
    let isWanted = state.withLock { state in
      if !state.isClosed { state.connection = connection }
      return !state.isClosed
    }
    if isWanted { loop.add(connection) }
  }

  private func subscribe() {
    let connection = state.withLock { state in
      state.confirmations = 0
      return state.connection
    }
    let (channels, patterns) = subscriptions
    var commands: [RedisCommand] = []
    if !channels.isEmpty { commands.append(RedisCommand("SUBSCRIBE", channels.map { .text($0) })) }
    if !patterns.isEmpty { commands.append(RedisCommand("PSUBSCRIBE", patterns.map { .text($0) })) }
    connection?.post(commands)
  }

  /// What is listened to: beside what is asked for, what the means by which keys are watched takes.
  private var subscriptions: (channels: [String], patterns: [String]) {
    guard let notifications else { return (channels, patterns) }
    return state.withLock({ $0.isTrackingRefused })
      ? (channels, patterns + [notifications.pattern]) : (channels + [Self.invalidationChannel], patterns)
  }

  private func interrupted(_ error: RedisError, isTracker: Bool) {
    var (wasReady, startsAnew) = (false, false)
    let (tracker, connection) = state.withLock { state -> (RedisConnection?, RedisConnection?) in
      (wasReady, startsAnew) = (state.isReady, state.startsAnew)
      (state.isReady, state.startsAnew) = (false, false)
      guard !isTracker || startsAnew else { return (nil, nil) }
      // The server forgets what it was to report where, and the next connection has another number.
      state.clientID = nil
      defer { state.tracker = nil }
      return (state.tracker, state.connection)
    }
    tracker?.remove()
    if wasReady { handler(.interrupted(error)) }
    guard let connection else { return }
    // The master or the node may be another one by now; or what it signs in with has to be.
    let isElsewhere = endpoint().map { $0 != connection.endpoint } ?? false
    if isElsewhere || startsAnew {
      connection.remove()
      connect()
    }
  }

  // MARK: What the server says

  private func received(_ reply: RedisReply) {
    guard let parts = reply.array, let kind = parts.first?.text else {
      if let error = reply.error { counters.count(error.code) }
      return
    }
    switch kind {
    case "subscribe", "psubscribe": confirmed()
    case "message" where parts.count == 3 && parts[1].text == Self.invalidationChannel: invalidated(parts[2])
    case "message" where parts.count == 3:
      guard let channel = parts[1].text, let payload = parts[2].bytes else { return }
      handler(.message(channel: channel, payload: payload, pattern: nil))
    case "pmessage" where parts.count == 4:
      guard let channel = parts[2].bytes, let payload = parts[3].bytes else { return }
      if let notifications, parts[1].text == notifications.pattern {
        if let key = notifications.changedKey(channel, event: payload) { handler(.invalidated(keys: [key])) }
      } else {
        handler(.message(channel: channel.description, payload: payload, pattern: parts[1].text))
      }
    default: break
    }
  }

  private func invalidated(_ payload: RedisReply) {
    switch payload {
    case .array(let keys): handler(.invalidated(keys: keys.compactMap(\.bytes)))
    case .null: handler(.invalidatedAll)
    // A server that has lost the connection it reports to says so in words.
    default: break
    }
  }

  private func confirmed() {
    let (channels, patterns) = subscriptions
    let (isComplete, isRefused) = state.withLock { state in
      state.confirmations += 1
      return (state.confirmations == channels.count + patterns.count, state.isTrackingRefused)
    }
    guard isComplete else { return }
    if tracking == nil { becomeReady(nil) } else if isRefused { enableNotifications() } else { track() }
  }

  private func becomeReady(_ means: RedisKeyWatching?) {
    let isNew = state.withLock { state in
      defer { (state.isReady, state.means) = (true, means) }
      return !state.isReady && !state.isClosed
    }
    if isNew { handler(.ready) }
  }

  private func track() {
    let (clientID, connection) = state.withLock { ($0.clientID, $0.connection) }
    guard let clientID, let connection, let tracking else { return }
    let step = SignIn.Step.other(
      RedisCommand(
        "CLIENT", ["TRACKING", "ON", "REDIRECT", .integer(clientID), "BCAST", "PREFIX", .text(tracking.prefix)])
    ) { [weak self] reply in self?.state.withLock { $0.note(reply) } }
    let tracker = RedisConnection(
      connection.endpoint, settings: settings([step]), loop: loop,
      observer: RedisConnection.Observer(
        becameActive: { [weak self] in self?.becomeReady(.tracking) },
        failed: { [weak self] in self?.interrupted($0, isTracker: true) },
        // The server may say that whom it reports to is gone; that one's own connection tells us as well.
        received: { _ in }))
    let isWanted = state.withLock { state in
      if !state.isClosed { state.tracker = tracker }
      return !state.isClosed
    }
    if isWanted { loop.add(tracker) }
  }

  /// Has the server send notifications, which it does not by itself.
  private func enableNotifications() {
    guard let notifications, let send else { return }
    let connection = state.withLock { $0.connection }
    Task { [weak self] in
      while true {
        do throws(RedisError) {
          let means = try await notifications.enable(send)
          // Unless the connection has been lost in between: then this is asked again.
          guard let self, self.state.withLock({ $0.connection === connection }) else { return }
          return self.becomeReady(means)
        } catch {
          guard self?.state.withLock({ !$0.isClosed && $0.connection === connection }) == true else { return }
          guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
        }
      }
    }
  }
}
