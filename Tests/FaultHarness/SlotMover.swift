//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheRedis
import ServerHarness
import Synchronization

/// Gives the slots of a cluster that hold something away, from each master to the next, for as long as it is let.
final class SlotMover: Sendable {
  private let task: Task<Int, any Error>
  private let isOver: Flag

  private final class Flag: Sendable {
    let value = Atomic(false)
  }

  init(_ cluster: RedisClusterProcess, masters: Int = 3) throws {
    let nodes = Array(cluster.nodes.prefix(masters))
    let clients = try nodes.map { node in
      // Patient: a slot with large values takes its time.
      var configuration = RedisConfiguration(mode: .single(.tcp(port: node.port)))
      (configuration.commandTimeout, configuration.headOfLineTimeout) = (.seconds(10), .seconds(10))
      return try RedisClient(configuration)
    }
    let isOver = Flag()
    self.isOver = isOver
    task = Task {
      // Not by cancelling: a slot that is on its way has to arrive.
      func goesOn() -> Bool { !isOver.value.load(ordering: .relaxed) }
      let names = try nodes.map { try cluster.identity($0) }
      for client in clients { try await client.waitUntilReady(within: .seconds(5)) }
      var moved = 0
      while goesOn() {
        for index in clients.indices {
          let next = (index + 1) % clients.count
          for slot in try await Self.slots(of: clients[index]) where goesOn() {
            try await Self.move(
              slot, from: clients[index], named: names[index], to: clients[next], named: names[next],
              port: nodes[next].port, all: clients)
            moved += 1
          }
        }
      }
      for client in clients { await client.shutdown() }
      return moved
    }
  }

  /// - Returns: How many slots it has moved.
  func stop() async throws -> Int {
    isOver.value.store(true, ordering: .relaxed)
    return try await task.value
  }

  private static func slots(of client: RedisClient) async throws -> Set<Int64> {
    let keys = try await client.send(RedisCommand("KEYS", ["*"])).array?.compactMap(\.bytes) ?? []
    var slots: Set<Int64> = []
    for key in keys.prefix(40) {
      if let slot = try await client.send(RedisCommand("CLUSTER", ["KEYSLOT", .bytes(key)])).integer {
        slots.insert(slot)
      }
    }
    return slots
  }

  /// As `redis-cli --cluster reshard` does it.
  private static func move(
    _ slot: Int64, from source: RedisClient, named sourceName: String, to target: RedisClient,
    named targetName: String, port: Int, all: [RedisClient]
  ) async throws {
    func set(_ client: RedisClient, _ words: RedisCommand.Argument...) async throws {
      _ = try await client.send(RedisCommand("CLUSTER", ["SETSLOT", .integer(slot)] + words))
    }
    try await set(target, "IMPORTING", .text(sourceName))
    try await set(source, "MIGRATING", .text(targetName))
    while true {
      let keys = try await source.send(RedisCommand("CLUSTER", ["GETKEYSINSLOT", .integer(slot), "50"]))
      let names = keys.array?.compactMap(\.bytes) ?? []
      if names.isEmpty { break }
      _ = try await source.send(
        RedisCommand(
          "MIGRATE",
          ["127.0.0.1", .integer(Int64(port)), "", "0", "2000", "REPLACE", "KEYS"] + names.map { .bytes($0) }))
    }
    try await set(target, "NODE", .text(targetName))
    try await set(source, "NODE", .text(targetName))
    for client in all where client !== source && client !== target {
      try await set(client, "NODE", .text(targetName))
    }
  }
}
