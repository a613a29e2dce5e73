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

  /// Remembers that something has happened, for a test that waits for it on another thread.
  final class Flag: Sendable {
    private let state = Guarded(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }

    /// Whether it is set within five seconds.
    func becomesSet() async -> Bool {
      for _ in 0..<1_000 {
        if isSet { return true }
        try? await Task.sleep(for: .milliseconds(5))
      }
      return false
    }
  }

  /// A stream of `count` pieces, which counts how many were asked for.
  final class CountedSource: BodySource {
    private struct State {
      var produced = 0
      var isCancelled = false
    }
    private let state = Guarded(State())
    private let piece: Bytes
    private let count: Int
    private let failure: (any Error)?
    let trailers: HeaderFields?

    init(_ piece: Bytes, count: Int, trailers: HeaderFields? = nil, failure: (any Error)? = nil) {
      self.piece = piece
      self.count = count
      self.trailers = trailers
      self.failure = failure
    }

    var produced: Int { state.withLock { $0.produced } }
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func next() async throws -> Bytes? {
      let isOver = state.withLock { state in
        guard state.produced < count else { return true }
        state.produced += 1
        return false
      }
      guard isOver else { return piece }
      if let failure { throw failure }
      return nil
    }

    func cancel() { state.withLock { $0.isCancelled = true } }
  }

  struct TestError: Error {}
#endif
