//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import HTTPCache

/// A small origin that the proxy brings along, for people who want to see a cache work before they have one to put behind it.
enum DemoOrigin {
  static func makeServer() throws -> HTTPServer {
    try HTTPServer(configuration: .init(host: "127.0.0.1", port: 0), service: Handler(answer))
  }

  @Sendable
  static func answer(_ request: CacheRequest) async throws -> CacheResponse {
    var fields: HeaderFields = ["Content-Type": "text/plain; charset=utf-8", "Server": "demo-origin"]
    switch request.path {
    case "/slow":
      try await Task.sleep(for: .seconds(1))
      fields.append("Cache-Control", "max-age=30")
      return CacheResponse(fields: fields, body: "This took the origin a second.\n")
    case "/private":
      fields.append("Cache-Control", "private")
      return CacheResponse(fields: fields, body: "For your eyes only.\n")
    case "/big":
      fields.append("Cache-Control", "max-age=60")
      let channel = BodyChannel()
      Task {
        let line = Bytes(String(repeating: "0123456789abcdef", count: 4096))
        for _ in 0..<64 { guard await channel.write(line) else { return } }
        channel.finish()
      }
      return CacheResponse(fields: fields, body: channel.body)
    case "/":
      fields.append("Cache-Control", "max-age=5, stale-while-revalidate=10, stale-if-error=60")
      fields.append("ETag", "\"demo-1\"")
      if request.fields[.ifNoneMatch] == "\"demo-1\"" { return CacheResponse(status: 304, fields: fields) }
      return CacheResponse(fields: fields, body: "Hello from the demo origin.\n")
    default:
      return CacheResponse(status: 404, fields: fields, body: "The demo origin has /, /slow, /private and /big.\n")
    }
  }
}
