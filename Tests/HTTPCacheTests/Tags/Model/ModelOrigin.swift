//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

/// The origin of a history: holds every call until the history answers it, and knows when each was made.
final class ModelOrigin: Service {
  /// One call. What it answers was read when it arrived.
  final class Call: Sendable {
    let request: CacheRequest
    let scope: TagScope?
    private let number = LockedBox<Int?>(nil)
    private let state = LockedBox<
      (result: Result<CacheResponse, any Error>?, waiter: CheckedContinuation<Void, Never>?)
    >(
      (nil, nil))

    init(_ request: CacheRequest, scope: TagScope?) {
      self.request = request
      self.scope = scope
    }

    /// Its number, once it has one: of calls that arrive together none knows which thread was faster.
    var serial: Int? {
      get { number.withLock { $0 } }
      set { number.withLock { $0 = newValue } }
    }

    /// Whose request it is.
    var id: Int { Int(request.fields["X-Id"] ?? "") ?? -1 }

    func finish(_ result: Result<CacheResponse, any Error>) {
      let waiter = state.withLock { state in
        state.result = result
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }

    func result() async throws -> CacheResponse {
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          if state.result == nil { state.waiter = continuation }
          return state.result != nil
        }
        if isReady { continuation.resume() }
      }
      guard let result = state.withLock({ $0.result }) else { throw OriginError() }
      return try result.get()
    }
  }

  private let pendingCalls = LockedBox<[Call]>([])
  private let ambientTags: @Sendable (CacheRequest) -> [String]

  /// - Parameter ambientTags: What is added below the handler.
  init(ambientTags: @escaping @Sendable (CacheRequest) -> [String]) { self.ambientTags = ambientTags }

  func call(_ request: CacheRequest) async throws -> CacheResponse {
    CacheTags.add(ambientTags(request))
    let call = Call(request, scope: TagScope.ambient)
    pendingCalls.withLock { $0.append(call) }
    return try await call.result()
  }

  /// The calls that wait to be answered, in an order that does not depend on which thread was faster.
  var pending: [Call] {
    pendingCalls.withLock { $0 }.sorted { ($0.request.target, $0.id) < ($1.request.target, $1.id) }
  }

  /// Answers `call`.
  func answer(_ call: Call, _ result: Result<CacheResponse, any Error>) {
    pendingCalls.withLock { $0.removeAll { $0 === call } }
    call.finish(result)
  }
}
