//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The memory that requests take while they arrive and are answered, in octets as they arrived: at most so many altogether,
/// and of one client.
final class RequestMemory: Sendable {
  /// A part of the memory, which is given back once.
  struct Part: Sendable {
    /// The client that it counts for; nil when it counts for none, but among all.
    let client: ClientAddress?
    let count: Int
  }

  private struct State {
    var count = 0
    var counts: [ClientAddress: Int] = [:]
  }

  private let limit: Int
  private let clientLimit: Int
  private let state = Guarded(State())

  init(limit: Int, clientLimit: Int) {
    self.limit = limit
    self.clientLimit = clientLimit
  }

  /// The octets that are taken, and the clients that have taken some.
  var counts: (octets: Int, clients: Int) { state.withLock { ($0.count, $0.counts.count) } }

  /// Takes `count` octets; nil when there are not so many.
  func take(_ count: Int, for client: ClientAddress?) -> Part? {
    state.withLock { state in
      guard count <= limit - state.count else { return nil }
      if let client {
        let own = state.counts[client] ?? 0
        guard count <= clientLimit - own else { return nil }
        if count > 0 { state.counts[client] = own + count }
      }
      state.count += count
      return Part(client: client, count: count)
    }
  }

  func giveBack(_ part: Part) {
    state.withLock { state in
      state.count -= part.count
      guard let client = part.client, let own = state.counts[client] else { return }
      state.counts[client] = own == part.count ? nil : own - part.count
    }
  }
}
