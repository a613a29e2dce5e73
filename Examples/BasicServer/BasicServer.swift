//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import Foundation
import HTTPCache

/// Handlers with a cache in front of them. Each answer says in `Cache-Status` and `Age` where it came from.
@main
struct BasicServer {
  static func main() async throws {
    var options = CommandLineOptions(
      program: "basic-server", summary: "Handlers with an in-memory HTTP cache in front of them.")
    let listen = options.option(
      "listen", .endpoint, "HOST:PORT", "where to listen", default: Endpoint("127.0.0.1", 8081))
    let isUncached = options.flag("uncached", "answer without the cache in front, to compare")
    let values = options.parseOrExit()

    let cache = try CacheLayer(
      backend: InMemoryBackend(capacity: 64 << 20),
      policy: CachePolicy(timeToLive: .seconds(10), staleWhileRevalidate: .seconds(30), staleIfError: .seconds(300)))
    let handler = Handler(answer)

    let configuration = HTTPServer.Configuration(host: values[listen].host, port: values[listen].port)
    let server: HTTPServer
    do {
      server =
        values[isUncached]
        ? try HTTPServer(configuration: configuration, service: handler)
        : try HTTPServer(
          configuration: configuration, service: handler.layer(cache), immediate: cache.immediateResponse)
    } catch {
      Console.complain("basic-server: \(error)")
      exit(2)
    }
    Console.print(
      """
      basic-server listens on http://\(server.address)

        curl -i http://\(server.address)/          a page, fresh for 10 s
        curl -i http://\(server.address)/slow      a report that takes 2 s to make: the first time
        curl -i http://\(server.address)/clock     a clock that says how long it may be kept: 3 s
        curl -i http://\(server.address)/me        a private page: never stored
        curl -i http://\(server.address)/constant  the same as /, without the cache (for comparison)
        curl -i http://\(server.address)/missing   a 404, kept for 5 s

      Stop it with Ctrl-C.
      """)
    try await server.runUntilSignalled(caching: cache)
  }

  /// All the handlers of the example.
  @Sendable
  static func answer(_ request: CacheRequest) async throws -> CacheResponse {
    switch request.path {
    case "/":
      return hello
    case "/slow":
      try await Task.sleep(for: .seconds(2))
      return page("This report took two seconds to make.\n")
    case "/clock":
      var response = page("It is \(ContinuousClock.now).\n")
      response.fields.append("Cache-Control", "max-age=3")
      return response
    case "/me":
      var response = page("Only for you.\n")
      response.fields.append("Cache-Control", "private")
      return response
    case "/constant":
      var response = page("Hello from a handler.\n")
      response.fields.append("Cache-Control", "no-store")
      return response
    default:
      return CacheResponse(status: 404, fields: ["Content-Type": "text/plain"], body: "There is nothing here.\n")
    }
  }

  /// Made once: what the layer is compared with must not be slow for want of trying.
  private static let hello = page("Hello from a handler.\n")

  private static func page(_ text: String) -> CacheResponse {
    CacheResponse(fields: ["Content-Type": "text/plain; charset=utf-8"], body: Body(text))
  }
}
