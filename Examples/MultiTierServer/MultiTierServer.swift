//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleBackends
import ExampleSupport
import Foundation
import HTTPCache

/// Two nodes on one store: each with a small memory of its own in front of it, and each hearing of what the other
/// invalidates.
@main
struct MultiTierServer {
  static func main() async throws {
    var options = CommandLineOptions(
      program: "multi-tier-server", summary: "Two nodes with a near tier each, on one far tier.")
    let first = options.option(
      "listen", .endpoint, "HOST:PORT", "where the first node listens", default: Endpoint("127.0.0.1", 8083))
    let second = options.option(
      "second", .endpoint, "HOST:PORT", "where the second node listens", default: Endpoint("127.0.0.1", 8084))
    let near = options.option("near", .byteSize, "SIZE", "the memory of each near tier", default: 1 << 20)
    let store = options.option(
      "store", .store, "STORE",
      "the far tier: memory, redis://HOST:PORT, unix:///PATH (Redis) or memcached://HOST:PORT",
      default: .memory)
    let far = options.option(
      "far", .byteSize, "SIZE", "the memory of the far tier, if it is memory", default: 256 << 20)
    let values = options.parseOrExit()

    let opened: OpenedBackend
    let shared: OpenedBackplane?
    do {
      opened = try values[store].open(capacity: values[far], namespace: "multi-tier-server")
      // By way of Redis the nodes of other programs hear of it, too.
      shared = try values[store].openBackplane(namespace: "multi-tier-server")
    } catch {
      fail(error)
    }
    // Nobody waits for that: while the far tier cannot be asked, the near ones do what they can.
    Task { for problem in await opened.problems() { Console.complain("multi-tier-server: \(problem)") } }
    try await serve(
      at: [values[first], values[second]], near: values[near], store: opened.backend, called: "\(values[store])",
      backplane: shared?.backplane ?? LocalBackplane())
    await shared?.shutdown()
    await opened.shutdown()
  }

  private static func serve(
    at endpoints: [Endpoint], near: Int, store: some CacheBackend, called name: String, backplane: any Backplane
  ) async throws {
    let nodes = try endpoints.map { endpoint in
      try makeNode(at: endpoint, store: store, backplane: backplane, near: near)
    }
    announce(nodes.map(\.server), name)

    try await withThrowingTaskGroup(of: Void.self) { group in
      for node in nodes { group.addTask { await node.tiers.run() } }
      group.addTask { try await nodes[1].server.run() }
      try await nodes[0].server.runUntilSignalled()
      nodes[1].server.shutdown()
      // The tiers write what waits, and end.
      for node in nodes { await node.tiers.shutdown() }
      try await group.waitForAll()
    }
    for (number, node) in nodes.enumerated() {
      let statistics = node.tiers.statistics
      Console.print(
        "node \(number + 1): \(statistics[.nearHit]) near hits, \(statistics[.farHit]) far hits, "
          + "\(statistics[.promoted]) promoted, \(statistics[.invalidationReceived]) invalidations heard of")
    }
  }

  private static func makeNode<Store: CacheBackend>(
    at endpoint: Endpoint, store: Store, backplane: any Backplane, near: Int
  ) throws -> (server: HTTPServer, tiers: MultiTierBackend<InMemoryBackend, Store>) {
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
      fail(error)
    }
  }

  private static func fail(_ error: any Error) -> Never {
    Console.complain("multi-tier-server: \(error)")
    exit(2)
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

  private static func announce(_ servers: [HTTPServer], _ store: String) {
    let urls = servers.map { "http://\($0.address)" }
    Console.print(
      """
      multi-tier-server listens on \(urls[0]) and \(urls[1]): two nodes, one store (\(store))

        curl -i \(urls[0])/page           a miss
        curl -i \(urls[1])/page           a hit on the other node: the store has it
        curl -i -X POST \(urls[1])/page   invalidates it, on both
        curl -i \(urls[0])/page           a miss again
        curl -i \(urls[0])/tiers          what has happened between the tiers of the first node

      Stop it with Ctrl-C.
      """)
  }
}
