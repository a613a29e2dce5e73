//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Decides which request gets the next connection to an origin, so that no client can keep the others from it.
///
/// - A client that is alone may hold all connections; nothing is left unused while a request waits that may use it.
/// - Each connection that is given back goes to the waiting client that holds the fewest, among several to the one whose
///   last turn is longest ago. So a client with less than its share waits for one response at most.
/// - Requests with content leave some connections to those without: uploads last as long as their senders like.
///
/// A value without locks, tasks or clock.
struct ConnectionShares<Client: Hashable & Sendable>: Sendable {
  /// A request that waits for a connection.
  struct Waiter: Sendable {
    let id: Int
    fileprivate(set) var client: Client
    let hasContent: Bool
  }

  /// The most connections that may be held at a time.
  let limit: Int
  /// The connections that requests with content leave to others.
  let reserve: Int
  private(set) var heldCount = 0
  private(set) var heldWithContent = 0
  private var held: [Client: Int] = [:]
  /// When each client that holds or wants a connection was last given one, counted.
  private var turns: [Client: Int] = [:]
  private var turnCount = 0
  /// Waiting requests of each client, in the order they came.
  private var queues: [Client: [Waiter]] = [:]
  private(set) var waitingCount = 0

  init(limit: Int, reserve: Int) {
    precondition(limit > 0 && reserve >= 0 && reserve < limit, "requests with content need a connection too")
    self.limit = limit
    self.reserve = reserve
  }

  /// The connections that `client` holds.
  func heldCount(of client: Client) -> Int { held[client] ?? 0 }

  /// The connections that each client may hold when all that hold or want one are to have the same number.
  var share: Int {
    var clients = held.count
    for client in queues.keys where held[client] == nil { clients += 1 }
    return max(1, limit / max(1, clients))
  }

  // MARK: Holding

  /// Takes a connection at once; false when the request has to wait.
  mutating func take(_ client: Client, hasContent: Bool) -> Bool {
    // A request that waits already may have one: it goes first. Those that wait for want of connections for content do not.
    guard mayHold(hasContent: hasContent), !queues.values.contains(where: { next(of: $0) != nil }) else { return false }
    hold(client, hasContent: hasContent)
    return true
  }

  /// Gives a connection back.
  mutating func giveBack(_ client: Client, hasContent: Bool) {
    heldCount -= 1
    if hasContent { heldWithContent -= 1 }
    let rest = (held[client] ?? 0) - 1
    precondition(rest >= 0, "a connection is given back once, by the client that holds it")
    held[client] = rest == 0 ? nil : rest
    forgetTurn(client)
  }

  private mutating func hold(_ client: Client, hasContent: Bool) {
    heldCount += 1
    if hasContent { heldWithContent += 1 }
    held[client, default: 0] += 1
    turnCount += 1
    turns[client] = turnCount
  }

  private mutating func forgetTurn(_ client: Client) {
    if held[client] == nil, queues[client] == nil { turns[client] = nil }
  }

  private func mayHold(hasContent: Bool) -> Bool {
    heldCount < limit && (!hasContent || heldWithContent < limit - reserve)
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
    guard waitingCount > 0, heldCount < limit else { return nil }
    var best: (waiter: Waiter, rank: (held: Int, turn: Int, id: Int))?
    for (client, queue) in queues {
      guard let waiter = next(of: queue) else { continue }
      let rank = (held: held[client] ?? 0, turn: turns[client] ?? 0, id: waiter.id)
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

  private func next(of queue: [Waiter]) -> Waiter? { queue.first { mayHold(hasContent: $0.hasContent) } }

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

  /// Returns the clients that hold more than their share, the one with the most first, if `client` waits with less than its
  /// own.
  func clientsAboveShare(for client: Client) -> [Client] {
    let share = share
    let own = heldCount(of: client)
    guard own < share else { return [] }
    return held.filter { $0.value > share && $0.key != client }.sorted { $0.value > $1.value }.map(\.key)
  }
}
