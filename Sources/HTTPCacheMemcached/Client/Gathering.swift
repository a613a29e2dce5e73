//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The results of several jobs, awaited together.
final class Gathering: Sendable {
  private struct State {
    var results: [Result<MemcachedReply, any Error>?]
    var missing: Int
    var continuation: UnsafeContinuation<Void, Never>?
  }

  private let state: Locked<State>

  init(count: Int) {
    state = Locked(State(results: Array(repeating: nil, count: count), missing: count))
  }

  func finish(_ index: Int, _ result: Result<MemcachedReply, any Error>) {
    let continuation = state.withLock { state -> UnsafeContinuation<Void, Never>? in
      state.results[index] = result
      state.missing -= 1
      guard state.missing == 0 else { return nil }
      defer { state.continuation = nil }
      return state.continuation
    }
    continuation?.resume()
  }

  /// All results, in the order of the jobs, when the last has come.
  func results() async -> [Result<MemcachedReply, any Error>] {
    await withUnsafeContinuation { continuation in
      let isComplete = state.withLock { state in
        if state.missing > 0 { state.continuation = continuation }
        return state.missing == 0
      }
      if isComplete { continuation.resume() }
    }
    return state.withLock { $0.results.compactMap(\.self) }
  }
}
