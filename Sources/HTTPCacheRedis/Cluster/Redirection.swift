//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The answer of a cluster's node that does not have the slot, or is giving it away.
package struct Redirection: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// The slot belongs to another node.
    case moved
    /// The slot is on its way to another node, and what was asked for is there already, or not at all.
    case ask
  }

  package var kind: Kind
  package var slot: Int
  /// An empty host means: the one that was asked.
  package var host: String
  package var port: Int

  /// - Parameter message: `MOVED 3999 127.0.0.1:6381`, or the same with `ASK`. Nil for anything else.
  init?(_ message: String) {
    let words = message.split(separator: " ", maxSplits: 3)
    guard words.count >= 3 else { return nil }
    switch words[0] {
    case "MOVED": kind = .moved
    case "ASK": kind = .ask
    default: return nil
    }
    guard let slot = Int(words[1]), (0..<HashSlot.count).contains(slot), let colon = words[2].lastIndex(of: ":"),
      let port = Int(words[2][words[2].index(after: colon)...]), (1...65535).contains(port)
    else { return nil }
    self.slot = slot
    self.host = String(words[2][..<colon])
    self.port = port
  }

  func endpoint(askedAt asked: RedisEndpoint) -> RedisEndpoint { asked.neighbour(host: host, port: port) }

  var error: RedisError {
    RedisError(
      .serverError,
      "the server is a node of a cluster and refers to \(host):\(port); configure the mode cluster to use it")
  }
}

extension RedisEndpoint {
  /// What a node calls `host`: an empty host, or "?" when it does not know its own name, means the node itself.
  func neighbour(host: String, port: Int) -> RedisEndpoint {
    guard host.isEmpty || host == "?" else { return .tcp(host: host, port: port) }
    if case .tcp(let own, _) = address { return .tcp(host: own, port: port) }
    return .tcp(port: port)
  }
}
