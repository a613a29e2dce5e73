//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  @testable import ExampleSupport

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
#endif
