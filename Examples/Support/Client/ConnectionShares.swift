//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Decides which request gets the next connection to an origin, so that no client can keep the others from it.
///
/// - A client that is alone may hold all connections but the spare ones, which are for a client that comes with less than
///   its share. No other connection is left unused while a request waits.
/// - Each connection that is given back goes to the waiting client that holds the fewest, among several to the one whose
///   last turn is longest ago.
/// - Requests with content leave some connections to those without: uploads last as long as their senders like. Their own
///   part is shared in the same way.
///
/// A value without locks, tasks or clock.
struct ConnectionShares<Client: Hashable & Sendable>: Sendable {
  /// A request that waits for a connection.
  struct Waiter: Sendable {
    let id: Int
    fileprivate(set) var client: Client
    let hasContent: Bool
  }

  /// A number of connections that are shared: all, or those that requests with content may have.
  private struct Part {
    let limit: Int
    /// The connections that only a client with less than its share gets.
    let spare: Int
    private(set) var heldCount = 0
    private(set) var held: [Client: Int] = [:]

    mutating func hold(_ client: Client) {
      heldCount += 1
      held[client, default: 0] += 1
    }

    mutating func giveBack(_ client: Client) {
      let rest = (held[client] ?? 0) - 1
      precondition(rest >= 0, "a connection is given back once, by the client that holds it")
      heldCount -= 1
      held[client] = rest == 0 ? nil : rest
    }

    /// The connections that each of `count` clients may hold when all are to have the same number.
    func share(among count: Int) -> Int { max(1, limit / max(1, count)) }

    /// Whether one of `count` clients may have one more.
    func mayHold(_ client: Client, among count: Int) -> Bool {
      heldCount < limit - spare || heldCount < limit && count > 1 && (held[client] ?? 0) < share(among: count)
    }
  }

  private var all: Part
  private var withContent: Part
  /// When each client that holds or wants a connection was last given one, counted.
  private var turns: [Client: Int] = [:]
  private var turnCount = 0
  /// Waiting requests of each client, in the order they came.
  private var queues: [Client: [Waiter]] = [:]
  private(set) var waitingCount = 0

  /// - Parameters:
  ///   - limit: The most connections that may be held at a time.
  ///   - reserve: Those that requests with content leave to others.
  ///   - spare: Those that only a client with less than its share gets; of the connections for content, as large a part.
  init(limit: Int, reserve: Int, spare: Int = 0) {
    precondition(limit > 0 && reserve >= 0 && reserve < limit, "requests with content need a connection too")
    precondition(spare >= 0 && spare < limit, "a client that is alone needs a connection")
    all = Part(limit: limit, spare: spare)
    withContent = Part(limit: limit - reserve, spare: spare * (limit - reserve) / limit)
  }

  var heldCount: Int { all.heldCount }
  var heldWithContent: Int { withContent.heldCount }

  /// The connections that `client` holds.
  func heldCount(of client: Client) -> Int { all.held[client] ?? 0 }

  /// The connections that each client may hold when all that hold or want one are to have the same number.
  var share: Int { all.share(among: clientCount()) }

  /// The clients that hold or want a connection, with `client` among them.
  private func clientCount(with client: Client? = nil) -> Int {
    var count = all.held.count
    for waiting in queues.keys where all.held[waiting] == nil { count += 1 }
    if let client, all.held[client] == nil, queues[client] == nil { count += 1 }
    return count
  }

  // MARK: Holding

  /// Takes a connection at once; false when the request has to wait.
  mutating func take(_ client: Client, hasContent: Bool) -> Bool {
    let count = clientCount(with: client)
    guard mayHold(client, hasContent: hasContent, among: count) else { return false }
    // A request that waits already and may have one goes first. Those that may not do not stand in the way.
    guard !queues.values.contains(where: { next(of: $0, among: count) != nil }) else { return false }
    hold(client, hasContent: hasContent)
    return true
  }

  /// Gives a connection back.
  mutating func giveBack(_ client: Client, hasContent: Bool) {
    all.giveBack(client)
    if hasContent { withContent.giveBack(client) }
    forgetTurn(client)
  }

  /// Counts a held connection for `other`.
  mutating func transfer(from client: Client, to other: Client, hasContent: Bool) {
    giveBack(client, hasContent: hasContent)
    hold(other, hasContent: hasContent)
  }

  private mutating func hold(_ client: Client, hasContent: Bool) {
    all.hold(client)
    if hasContent { withContent.hold(client) }
    turnCount += 1
    turns[client] = turnCount
  }

  private mutating func forgetTurn(_ client: Client) {
    if all.held[client] == nil, queues[client] == nil { turns[client] = nil }
  }

  private func mayHold(_ client: Client, hasContent: Bool, among count: Int) -> Bool {
    all.mayHold(client, among: count) && (!hasContent || withContent.mayHold(client, among: count))
  }

  // MARK: Waiting

  /// Has a request wait.
  ///
  /// - Parameter id: Larger than those of all requests that came before.
  mutating func wait(_ id: Int, _ client: Client, hasContent: Bool) {
    queues[client, default: []].append(Waiter(id: id, client: client, hasContent: hasContent))
    waitingCount += 1
  }

  /// Takes the request that is to have the next connection; nil when there is none, or no connection.
  mutating func takeNext() -> Waiter? {
    guard waitingCount > 0, all.heldCount < all.limit else { return nil }
    let count = clientCount()
    var best: (waiter: Waiter, rank: (held: Int, turn: Int, id: Int))?
    for (client, queue) in queues {
      guard let waiter = next(of: queue, among: count) else { continue }
      let rank = (held: heldCount(of: client), turn: turns[client] ?? 0, id: waiter.id)
      if let best, best.rank < rank { continue }
      best = (waiter, rank)
    }
    guard let waiter = best?.waiter else { return nil }
    remove(waiter)
    hold(waiter.client, hasContent: waiter.hasContent)
    return waiter
  }

  /// Takes a request that no longer waits out of its queue; false when it is in none.
  mutating func remove(_ id: Int, of client: Client) -> Bool {
    guard let waiter = queues[client]?.first(where: { $0.id == id }) else { return false }
    remove(waiter)
    return true
  }

  private func next(of queue: [Waiter], among count: Int) -> Waiter? {
    guard let client = queue.first?.client, all.mayHold(client, among: count) else { return nil }
    let mayHaveContent = withContent.mayHold(client, among: count)
    return queue.first { mayHaveContent || !$0.hasContent }
  }

  private mutating func remove(_ waiter: Waiter) {
    guard var queue = queues.removeValue(forKey: waiter.client) else { return }
    queue.removeAll { $0.id == waiter.id }
    waitingCount -= 1
    if queue.isEmpty { forgetTurn(waiter.client) } else { queues[waiter.client] = queue }
  }

  /// Counts a waiting request for `other`, who waits for the same response and holds fewer connections.
  ///
  /// - Returns: Whether it did.
  mutating func pass(_ id: Int, of client: Client, to other: Client) -> Bool {
    guard client != other, heldCount(of: other) < heldCount(of: client),
      var waiter = queues[client]?.first(where: { $0.id == id })
    else { return false }
    remove(waiter)
    waiter.client = other
    var queue = queues[other] ?? []
    queue.insert(waiter, at: queue.firstIndex { $0.id > id } ?? queue.endIndex)
    queues[other] = queue
    waitingCount += 1
    return true
  }

  // MARK: Reclaiming

  /// The clients of whose connections one may be taken away for a request of `client`, which waits with less than its share.
  ///
  /// - Parameter ending: The connections that have been taken away already, and are not yet given back.
  /// - Returns: What each client holds that has more than its share; and whether only connections for content are of use.
  func holdersAboveShare(
    for client: Client, hasContent: Bool, awaiting ending: Int = 0
  ) -> (held: [Client: Int], isForContent: Bool) {
    let count = clientCount()
    let isForContent = hasContent && all.mayHold(client, among: count)
    let part = isForContent ? withContent : all
    let share = part.share(among: count)
    guard (part.held[client] ?? 0) + ending < share else { return ([:], isForContent) }
    return (part.held.filter { $0.value > share && $0.key != client }, isForContent)
  }
}
