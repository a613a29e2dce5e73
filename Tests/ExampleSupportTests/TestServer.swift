//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  @testable import ExampleSupport

  /// Runs a server on a free port for the length of `body`, which may block.
  func withServer<Result: Sendable>(
    _ configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    immediate: (@Sendable (CacheRequest) -> CacheResponse?)? = nil,
    handler: @escaping @Sendable (CacheRequest) async throws -> CacheResponse,
    _ body: @escaping @Sendable (_ port: Int) throws -> Result
  ) async throws -> Result {
    var configuration = HTTPServer.Configuration(port: 0)
    configuration.shutdownTimeout = .seconds(2)
    configuration.lingerTimeout = .milliseconds(500)
    configure(&configuration)
    let server = try HTTPServer(configuration: configuration, service: Handler(handler), immediate: immediate)
    let run = Task { try await server.run() }
    let result = await Task { try await onThread { try body(server.address.port) } }.result
    server.shutdown()
    try await run.value
    return try result.get()
  }
#endif
