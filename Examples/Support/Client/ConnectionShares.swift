//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Decides which request gets the next connection to an origin, so that no client can keep the others from it.
///
/// - A client that is alone may hold all connections but the spare ones, which are for clients that hold few: each may have
///   half of them. No other connection is left unused while a request waits.
/// - A connection that is taken away for a waiting client is for that client, also where it counts as a spare one.
/// - Each connection that is given back goes to the waiting client that holds the fewest, among several to the one whose
///   last turn is longest ago.
/// - Requests with content leave some connections to those without: uploads last as long as their senders like. Their own
///   part is shared in the same way.
/// - An exchange whose response other clients wait for, too (its followers), may use the share of any of them. It waits in
///   the queue of each, and uses the share of the one that is first to have its turn.
///
/// A value without locks, tasks or clock.
struct ConnectionShares<Client: Hashable & Sendable>: Sendable {
  /// The number of an exchange, larger than those of all before it.
  typealias ExchangeID = Int

  /// A request to the origin that holds a connection or waits for one.
  private struct Exchange {
    /// The client that has sent the request.
    let owner: Client
    let hasContent: Bool
    /// The other clients that wait for the response, each with the number of its requests that do.
    var followers: [Client: Int]
    /// The client whose share is used; nil while the exchange waits.
    var holder: Client?

    /// The clients whose share may be used.
    var clients: [Client] { [owner] + followers.keys }
  }

  /// A number of connections that are shared: all, or those that requests with content may have.
  private struct Part {
    let limit: Int
    /// The connections that only clients with few get.
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
    ///
    /// - Parameter isOwed: Whether a connection has been taken away for it.
    func mayHold(_ client: Client, among count: Int, isOwed: Bool) -> Bool {
      guard heldCount < limit else { return false }
      if heldCount < limit - spare || isOwed { return true }
      return count > 1 && (held[client] ?? 0) < min(share(among: count), max(1, spare / 2))
    }
  }

  private var all: Part
  private var withContent: Part
  private var exchanges: [ExchangeID: Exchange] = [:]
  /// The waiting exchanges of each client, in the order in which its requests came.
  private var queues: [Client: [ExchangeID]] = [:]
  /// The exchanges with followers.
  private var followed: Set<ExchangeID> = []
  /// The exchanges that are being ended, each with the client that is to get the connection.
  private var ending: [ExchangeID: Client] = [:]
  /// The connections that have been taken away for waiting clients and that these have not had yet.
  private var owed: [Client: Int] = [:]
  /// When each client that holds or wants a connection was last given one, counted.
  private var turns: [Client: Int] = [:]
  private var turnCount = 0
  private(set) var waitingCount = 0

  /// - Parameters:
  ///   - limit: The most connections that may be held at a time.
  ///   - reserve: Those that requests with content leave to others.
  ///   - spare: Those that only clients with few get; of the connections for content, as large a part.
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

  /// The client whose share the exchange uses; nil while it waits, and when it is over.
  func holder(of id: ExchangeID) -> Client? { exchanges[id]?.holder }

  /// The connections that each client may hold when all that hold or want one are to have the same number.
  var share: Int { all.share(among: clientCount()) }

  /// The clients that hold or want a connection.
  private func clientCount() -> Int {
    var count = all.held.count
    for waiting in queues.keys where all.held[waiting] == nil { count += 1 }
    return count
  }

  // MARK: Holding

  /// Takes a connection at once for a new exchange; false when the exchange has to wait.
  ///
  /// - Parameter followers: The other clients that wait for the response already, each with the number of its requests.
  mutating func take(
    _ id: ExchangeID, of owner: Client, hasContent: Bool, followers: [Client: Int] = [:]
  ) -> Bool {
    let exchange = Exchange(owner: owner, hasContent: hasContent, followers: followers)
    let clients = exchange.clients
    var count = clientCount()
    for client in clients where all.held[client] == nil && queues[client] == nil { count += 1 }
    guard let client = fewest(of: clients.filter { mayHold($0, hasContent, among: count) }) else { return false }
    // A request that waits already and may have one goes first. Those that may not do not stand in the way.
    guard !queues.contains(where: { next(of: $0.value, for: $0.key, among: count) != nil }) else { return false }
    add(exchange, id)
    hold(id, client)
    return true
  }

  /// Ends an exchange that holds a connection.
  mutating func giveBack(_ id: ExchangeID) {
    guard let exchange = exchanges[id], let holder = exchange.holder else {
      preconditionFailure("a connection is given back once")
    }
    release(exchange, of: holder)
    if let client = ending[id], queues[client] != nil { owed[client, default: 0] += 1 }
    forget(id)
  }

  private mutating func add(_ exchange: Exchange, _ id: ExchangeID) {
    exchanges[id] = exchange
    if !exchange.followers.isEmpty { followed.insert(id) }
  }

  private mutating func forget(_ id: ExchangeID) {
    exchanges[id] = nil
    if !followed.isEmpty { followed.remove(id) }
    if !ending.isEmpty { ending[id] = nil }
  }

  private mutating func hold(_ id: ExchangeID, _ client: Client) {
    guard let exchange = exchanges[id] else { preconditionFailure("an exchange holds a connection before its end") }
    exchanges[id]?.holder = client
    all.hold(client)
    if exchange.hasContent { withContent.hold(client) }
    if let count = owed[client] { owed[client] = count > 1 ? count - 1 : nil }
    turnCount += 1
    turns[client] = turnCount
  }

  private mutating func release(_ exchange: Exchange, of holder: Client) {
    all.giveBack(holder)
    if exchange.hasContent { withContent.giveBack(holder) }
    forgetTurn(holder)
  }

  private mutating func forgetTurn(_ client: Client) {
    if all.held[client] == nil, queues[client] == nil { turns[client] = nil }
  }

  private func mayHold(_ client: Client, _ hasContent: Bool, among count: Int) -> Bool {
    all.mayHold(client, among: count, isOwed: owed[client] != nil)
      && (!hasContent || withContent.mayHold(client, among: count, isOwed: owed[client] != nil))
  }

  /// The first of those that hold the fewest connections.
  private func fewest(of clients: [Client]) -> Client? {
    clients.min { heldCount(of: $0) < heldCount(of: $1) }
  }

  // MARK: Waiting

  /// Has a new exchange wait, behind those that its clients wait for already.
  mutating func wait(_ id: ExchangeID, of owner: Client, hasContent: Bool, followers: [Client: Int] = [:]) {
    let exchange = Exchange(owner: owner, hasContent: hasContent, followers: followers)
    add(exchange, id)
    for client in exchange.clients { queues[client, default: []].append(id) }
    waitingCount += 1
  }

  /// Takes the exchange that is to have the next connection; nil when there is none, or no connection.
  mutating func takeNext() -> ExchangeID? {
    guard waitingCount > 0, all.heldCount < all.limit else { return nil }
    let count = clientCount()
    var best: (id: ExchangeID, client: Client, rank: (held: Int, turn: Int, id: ExchangeID))?
    for (client, queue) in queues {
      guard let id = next(of: queue, for: client, among: count) else { continue }
      let rank = (held: heldCount(of: client), turn: turns[client] ?? 0, id: id)
      if let best, best.rank < rank { continue }
      best = (id, client, rank)
    }
    guard let best else { return nil }
    stopWaiting(best.id)
    hold(best.id, best.client)
    return best.id
  }

  /// Ends an exchange that waits; false when there is none.
  mutating func remove(_ id: ExchangeID) -> Bool {
    guard let exchange = exchanges[id], exchange.holder == nil else { return false }
    stopWaiting(id)
    forget(id)
    return true
  }

  private func next(of queue: [ExchangeID], for client: Client, among count: Int) -> ExchangeID? {
    guard mayHold(client, false, among: count) else { return nil }
    if mayHold(client, true, among: count) { return queue.first }
    return queue.first { exchanges[$0]?.hasContent == false }
  }

  private mutating func stopWaiting(_ id: ExchangeID) {
    guard let exchange = exchanges[id] else { return }
    for client in exchange.clients { dequeue(id, of: client) }
    waitingCount -= 1
  }

  private mutating func dequeue(_ id: ExchangeID, of client: Client) {
    guard var queue = queues.removeValue(forKey: client) else { return }
    queue.removeAll { $0 == id }
    if queue.isEmpty {
      owed[client] = nil
      forgetTurn(client)
    } else {
      queues[client] = queue
    }
  }

  // MARK: Followers

  /// One more request of `client` waits for the response of an exchange that another client's request has begun.
  ///
  /// A client's own requests that wait already stay before it. Does nothing when the exchange is over or the client's own.
  mutating func follow(_ id: ExchangeID, by client: Client) {
    guard let exchange = exchanges[id], exchange.owner != client else { return }
    exchanges[id]?.followers[client, default: 0] += 1
    followed.insert(id)
    if exchange.holder == nil, exchange.followers[client] == nil { queues[client, default: []].append(id) }
  }

  /// One request of `client` waits no longer: with the last, the exchange stops using the client's share.
  mutating func unfollow(_ id: ExchangeID, by client: Client) {
    guard let exchange = exchanges[id], let count = exchange.followers[client] else { return }
    exchanges[id]?.followers[client] = count > 1 ? count - 1 : nil
    guard count == 1 else { return }
    if exchange.followers.count == 1 { followed.remove(id) }
    if exchange.holder == nil {
      dequeue(id, of: client)
    } else if exchange.holder == client {
      charge(id, to: exchange.owner)
    }
  }

  /// The clients that have waited for the response of the exchange wait for that of another.
  mutating func loseFollowers(_ id: ExchangeID) {
    for client in exchanges[id]?.followers.keys ?? [:].keys {
      exchanges[id]?.followers[client] = 1
      unfollow(id, by: client)
    }
  }

  /// Charges exchanges of clients with more than their share to others that wait for the same response, and have less than
  /// theirs: these must not lose it for what the former hold.
  mutating func chargeToThoseWithLess() {
    for id in followed {
      guard let exchange = exchanges[id], let holder = exchange.holder, ending[id] == nil,
        let client = fewest(of: exchange.clients), heldCount(of: client) < share, share < heldCount(of: holder)
      else { continue }
      charge(id, to: client)
    }
  }

  /// Has a held exchange use the share of `client` from now on.
  private mutating func charge(_ id: ExchangeID, to client: Client) {
    guard let exchange = exchanges[id], let holder = exchange.holder else { return }
    release(exchange, of: holder)
    hold(id, client)
  }

  // MARK: Reclaiming

  /// The clients of whose exchanges one may be ended so that a waiting exchange gets its connection.
  struct Reclaim {
    /// The client that is to get the connection. It holds less than its share.
    let client: Client
    /// The clients with more than their share, each with the number of connections that it holds and is to keep so far.
    let holders: [Client: Int]
    /// Whether only exchanges with content are of use.
    let isForContent: Bool
  }

  /// The clients of whose exchanges one may be ended for `id`; nil when it does not wait, and when none may be.
  ///
  /// Exchanges that are being ended count as given back by their holders, and as had by the clients they are ended for: so
  /// nobody falls below its share, nobody is raised above it, and nobody waits for what is ended for another.
  func reclaim(for id: ExchangeID) -> Reclaim? {
    guard let exchange = exchanges[id], exchange.holder == nil, let client = fewest(of: exchange.clients) else {
      return nil
    }
    let count = clientCount()
    // Where requests with content have all that they may, only the end of such a one is of use.
    let isForContent = exchange.hasContent && !withContent.mayHold(client, among: count, isOwed: false)
    let part = isForContent ? withContent : all
    let share = part.share(among: count)
    guard (part.held[client] ?? 0) < share else { return nil }
    var held = part.held
    var expected = 0
    for (id, beneficiary) in ending {
      if beneficiary == client { expected += 1 }
      guard let exchange = exchanges[id], let holder = exchange.holder, !isForContent || exchange.hasContent else {
        continue
      }
      held[holder, default: 0] -= 1
    }
    // One is ended for each that waits: a connection that is slow to come back is still on its way.
    guard expected < queues[client]?.count ?? 0, (held[client] ?? 0) + expected < share else { return nil }
    let holders = held.filter { $0.value > share && $0.key != client }
    return holders.isEmpty ? nil : Reclaim(client: client, holders: holders, isForContent: isForContent)
  }

  /// A held exchange is being ended, so that `client` gets its connection.
  mutating func willEnd(_ id: ExchangeID, for client: Client) { ending[id] = client }
}
