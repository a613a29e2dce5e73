//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which node of a cluster has which slot.
struct ClusterTopology: Equatable {
  /// The masters. Slots refer to them by their place.
  private(set) var nodes: [RedisEndpoint] = []
  private var owners = [UInt16](repeating: .max, count: HashSlot.count)

  init() {}

  /// - Parameters:
  ///   - reply: The answer to `CLUSTER SLOTS`.
  ///   - asked: The node that gave it.
  /// - Returns: Nil for what is no such answer.
  init?(slots reply: RedisReply, asked: RedisEndpoint) {
    guard let ranges = reply.array else { return nil }
    for range in ranges {
      // First slot, last slot, the master, and replicas: each a host, a port and more.
      guard let parts = range.array, parts.count >= 3, let first = parts[0].integer, let last = parts[1].integer,
        first >= 0, last >= first, last < HashSlot.count, let master = parts[2].array, master.count >= 2,
        let port = master[1].integer, (1...65535).contains(port)
      else { return nil }
      let endpoint = asked.neighbour(host: master[0].text ?? "", port: Int(port))
      for slot in Int(first)...Int(last) { assign(slot, to: endpoint) }
    }
  }

  func owner(of slot: Int) -> RedisEndpoint? {
    let place = Int(owners[slot])
    return place < nodes.count ? nodes[place] : nil
  }

  var isEmpty: Bool { nodes.isEmpty }

  /// Whether every slot has a node.
  var isComplete: Bool { owners.allSatisfy { $0 != .max } }

  mutating func assign(_ slot: Int, to endpoint: RedisEndpoint) {
    let place = nodes.firstIndex(of: endpoint) ?? nodes.count
    if place == nodes.count { nodes.append(endpoint) }
    owners[slot] = UInt16(place)
  }
}
