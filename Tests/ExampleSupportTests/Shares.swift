//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import ExampleSupport

/// Shares behind a reference, so that an expectation may change them. Exchanges that are taken at once have numbers by
/// themselves, unless the test gives them some.
final class Shares<Client: Hashable & Sendable> {
  private var value: ConnectionShares<Client>
  private var exchanges: [Int: (owner: Client, hasContent: Bool)] = [:]
  private var lastID = 10_000_000
  private var ending: Set<Int> = []

  init(limit: Int, reserve: Int, spare: Int = 0) {
    value = ConnectionShares(limit: limit, reserve: reserve, spare: spare)
  }

  var heldCount: Int { value.heldCount }
  var heldWithContent: Int { value.heldWithContent }
  var waitingCount: Int { value.waitingCount }
  var share: Int { value.share }
  func heldCount(of client: Client) -> Int { value.heldCount(of: client) }
  func holder(of id: Int) -> Client? { value.holder(of: id) }
  func held(by client: Client) -> [Int] { exchanges.keys.filter { value.holder(of: $0) == client } }
  func waiting(of client: Client) -> Int? {
    exchanges.keys.filter { value.holder(of: $0) == nil && exchanges[$0]?.owner == client }.min()
  }
  var allWaiting: [Int] { exchanges.keys.filter { value.holder(of: $0) == nil }.sorted() }

  func take(_ client: Client, hasContent: Bool) -> Bool {
    lastID += 1
    return take(lastID, client, hasContent: hasContent)
  }

  func take(_ id: Int, _ client: Client, hasContent: Bool, followers: [Client: Int] = [:]) -> Bool {
    guard value.take(id, of: client, hasContent: hasContent, followers: followers) else { return false }
    exchanges[id] = (client, hasContent)
    return true
  }

  func wait(_ id: Int, _ client: Client, hasContent: Bool, followers: [Client: Int] = [:]) {
    exchanges[id] = (client, hasContent)
    value.wait(id, of: client, hasContent: hasContent, followers: followers)
  }

  func takeNext() -> (id: Int, client: Client, hasContent: Bool)? {
    guard let id = value.takeNext(), let client = value.holder(of: id) else { return nil }
    return (id, client, exchanges[id]!.hasContent)
  }

  func remove(_ id: Int) -> Bool {
    exchanges[id] = nil
    return value.remove(id)
  }

  func giveBack(_ id: Int) {
    exchanges[id] = nil
    value.giveBack(id)
  }

  /// Gives back any exchange of its kind that is charged to `client`.
  func giveBack(_ client: Client, hasContent: Bool) {
    giveBack(held(by: client).filter { exchanges[$0]?.hasContent == hasContent }.max()!)
  }

  func follow(_ id: Int, by client: Client) { value.follow(id, by: client) }
  func unfollow(_ id: Int, by client: Client) { value.unfollow(id, by: client) }
  func loseFollowers(_ id: Int) { value.loseFollowers(id) }
  func chargeToThoseWithLess() { value.chargeToThoseWithLess() }
  func holdersAboveShare(for id: Int) -> [Client: Int] { value.reclaim(for: id)?.holders ?? [:] }

  /// Has an exchange that is charged to `client` be ended for the waiting exchange `id`.
  func endOne(of client: Client, for id: Int) {
    let ended = held(by: client).filter { !ending.contains($0) }.max()!
    ending.insert(ended)
    value.willEnd(ended, for: exchanges[id]!.owner)
  }
}
