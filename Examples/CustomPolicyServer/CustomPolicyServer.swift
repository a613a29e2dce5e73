//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import Foundation
import HTTPCache

/// Different policies for different routes, a key of one's own, and a lifetime for errors.
@main
struct CustomPolicyServer {
  static func main() async throws {
    var options = CommandLineOptions(
      program: "custom-policy-server", summary: "Per-route cache policies, a custom key, and negative caching.")
    let listen = options.option(
      "listen", .endpoint, "HOST:PORT", "where to listen", default: Endpoint("127.0.0.1", 8082))
    let values = options.parseOrExit()

    // Products are the same for everybody in a country, whatever tracking parameters the link has.
    var products = CachePolicy(
      timeToLive: .seconds(60), negativeTimeToLive: .seconds(2), staleIfError: .seconds(3600),
      key: .custom { "\($0.path) in \($0.fields["X-Country"] ?? "anywhere")" })
    products.timeToLiveByStatus = [302: .seconds(30)]
    products.lifetimeJitter = 0.1

    // Prices must be right: short, refreshed ahead of time, and nobody waits longer than 200 ms if there is an old one.
    let prices = CachePolicy(
      timeToLive: .seconds(5), refreshBeforeExpiration: .seconds(2), softTimeout: .milliseconds(200),
      hardTimeout: .seconds(2))

    let cache = try CacheLayer(
      backend: InMemoryBackend(capacity: 64 << 20),
      policies: PolicyRouter(
        default: CachePolicy(timeToLive: .seconds(10)),
        routes: [
          // The first that matches decides.
          .matching({ $0.fields.contains("X-Preview") }, nil),
          .prefix("/products/", products),
          .prefix("/prices/", prices),
          .prefix("/admin/", nil),
        ]))
    let service = Handler(answer).layer(cache)

    let server: HTTPServer
    do {
      server = try HTTPServer(
        configuration: .init(host: values[listen].host, port: values[listen].port), service: service)
    } catch {
      Console.complain("custom-policy-server: \(error)")
      exit(2)
    }
    Console.print(
      """
      custom-policy-server listens on http://\(server.address)

        curl -i -H 'X-Country: ch' 'http://\(server.address)/products/7?utm_source=a'   stored by path and country
        curl -i -H 'X-Country: ch' 'http://\(server.address)/products/7?utm_source=b'   a hit: the query is no part of the key
        curl -i http://\(server.address)/products/none    a 404, kept for 2 s
        curl -i http://\(server.address)/prices/7         refreshed in the background before its 5 s are over
        curl -i http://\(server.address)/admin/           never cached

      Stop it with Ctrl-C.
      """)
    try await server.runUntilSignalled(caching: cache)
  }

  /// All the handlers of the example.
  @Sendable
  static func answer(_ request: CacheRequest) async throws -> CacheResponse {
    let fields: HeaderFields = ["Content-Type": "text/plain; charset=utf-8"]
    switch request.path {
    case "/products/none":
      return CacheResponse(status: 404, fields: fields, body: "No such product.\n")
    case let path where path.hasPrefix("/products/"):
      let country = request.fields["X-Country"] ?? "anywhere"
      return CacheResponse(fields: fields, body: Body("Product \(path.dropFirst(10)) for \(country).\n"))
    case let path where path.hasPrefix("/prices/"):
      try await Task.sleep(for: .milliseconds(.random(in: 50...800)))
      return CacheResponse(fields: fields, body: Body("\(path.dropFirst(8)) costs \(Int.random(in: 10...99)).\n"))
    default:
      return CacheResponse(fields: fields, body: Body("\(request.path)\n"))
    }
  }
}
