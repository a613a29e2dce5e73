//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import Foundation
import HTTPCache

/// Two nodes on one store: each with a small memory of its own in front of it, and each hearing of what the other
/// invalidates.
@main
struct MultiTierServer {
  typealias Tiers = MultiTierBackend<InMemoryBackend, InMemoryBackend>

  static func main() async throws {
    var options = CommandLineOptions(
      program: "multi-tier-server", summary: "Two nodes with a near tier each, on one far tier.")
    let first = options.option(
      "listen", .endpoint, "HOST:PORT", "where the first node listens", default: Endpoint("127.0.0.1", 8083))
    let second = options.option(
      "second", .endpoint, "HOST:PORT", "where the second node listens", default: Endpoint("127.0.0.1", 8084))
    let near = options.option("near", .byteSize, "SIZE", "the memory of each near tier", default: 1 << 20)
    let far = options.option("far", .byteSize, "SIZE", "the memory of the far tier", default: 256 << 20)
    let values = options.parseOrExit()

    // In a cluster this would be a server that all nodes reach.
    let store = InMemoryBackend(capacity: values[far])
    let backplane = LocalBackplane()
    let nodes = try [values[first], values[second]].map { endpoint in
      try makeNode(at: endpoint, store: store, backplane: backplane, near: values[near])
    }
    announce(nodes.map(\.server))

    try await withThrowingTaskGroup(of: Void.self) { group in
      for node in nodes { group.addTask { await node.tiers.run() } }
      group.addTask { try await nodes[1].server.run() }
      try await nodes[0].server.runUntilSignalled()
      nodes[1].server.shutdown()
      // The tiers write what waits, and end.
      group.cancelAll()
      try await group.waitForAll()
    }
    for (number, node) in nodes.enumerated() {
      let statistics = node.tiers.statistics
      Console.print(
        "node \(number + 1): \(statistics[.nearHit]) near hits, \(statistics[.farHit]) far hits, "
          + "\(statistics[.promoted]) promoted, \(statistics[.invalidationReceived]) invalidations heard of")
    }
  }

  private static func makeNode(
    at endpoint: Endpoint, store: InMemoryBackend, backplane: LocalBackplane, near: Int
  ) throws -> (server: HTTPServer, tiers: Tiers) {
    let tiers = try MultiTierBackend(
      near: InMemoryBackend(capacity: near), far: store, backplane: backplane,
      configuration: TierConfiguration(promotion: .hits(2)))
    // Both nodes are the same site, whatever they are called.
    let cache = try CacheLayer(
      backend: tiers, policy: CachePolicy(timeToLive: .seconds(60), key: .custom { $0.target }),
      name: "node-\(endpoint.port)")
    let service = Handler { try await answer($0, statistics: tiers.statistics) }.layer(cache)
    do {
      return (try HTTPServer(configuration: .init(host: endpoint.host, port: endpoint.port), service: service), tiers)
    } catch {
      Console.complain("multi-tier-server: \(error)")
      exit(2)
    }
  }

  /// The handlers of both nodes.
  @Sendable
  static func answer(_ request: CacheRequest, statistics: TierStatistics) async throws -> CacheResponse {
    let fields: HeaderFields = ["Content-Type": "text/plain; charset=utf-8"]
    if request.path == "/tiers" {
      let lines = TierEvent.Kind.allCases.map { "\($0): \(statistics[$0])\n" }
      return CacheResponse(
        fields: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"], body: Body(lines.joined()))
    }
    guard request.method == .get || request.method == .head else {
      // A success makes what is stored for this URL void (RFC 9111 §4.4): on both nodes.
      return CacheResponse(status: 204, fields: fields)
    }
    return CacheResponse(fields: fields, body: Body("\(request.path) was made at \(ContinuousClock.now).\n"))
  }

  private static func announce(_ servers: [HTTPServer]) {
    let urls = servers.map { "http://\($0.address)" }
    Console.print(
      """
      multi-tier-server listens on \(urls[0]) and \(urls[1]): two nodes, one store

        curl -i \(urls[0])/page           a miss
        curl -i \(urls[1])/page           a hit on the other node: the store has it
        curl -i -X POST \(urls[1])/page   invalidates it, on both
        curl -i \(urls[0])/page           a miss again
        curl -i \(urls[0])/tiers          what has happened between the tiers of the first node

      Stop it with Ctrl-C.
      """)
  }
}
