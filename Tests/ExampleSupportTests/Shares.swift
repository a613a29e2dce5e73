//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import ExampleSupport

/// Shares behind a reference, so that an expectation may change them.
final class Shares<Client: Hashable & Sendable> {
  private var value: ConnectionShares<Client>

  init(limit: Int, reserve: Int, spare: Int = 0) {
    value = ConnectionShares(limit: limit, reserve: reserve, spare: spare)
  }

  var heldCount: Int { value.heldCount }
  var heldWithContent: Int { value.heldWithContent }
  var waitingCount: Int { value.waitingCount }
  var share: Int { value.share }
  func heldCount(of client: Client) -> Int { value.heldCount(of: client) }
  func take(_ client: Client, hasContent: Bool) -> Bool { value.take(client, hasContent: hasContent) }
  func giveBack(_ client: Client, hasContent: Bool) { value.giveBack(client, hasContent: hasContent) }
  func wait(_ id: Int, _ client: Client, hasContent: Bool) { value.wait(id, client, hasContent: hasContent) }
  func takeNext() -> ConnectionShares<Client>.Waiter? { value.takeNext() }
  func remove(_ id: Int, of client: Client) -> Bool { value.remove(id, of: client) }
  func pass(_ id: Int, of client: Client, to other: Client) -> Bool { value.pass(id, of: client, to: other) }
  func transfer(from client: Client, to other: Client) { value.transfer(from: client, to: other, hasContent: false) }
  func holdersAboveShare(for client: Client, hasContent: Bool = false, awaiting ending: Int = 0) -> [Client: Int] {
    value.holdersAboveShare(for: client, hasContent: hasContent, awaiting: ending).held
  }
}
