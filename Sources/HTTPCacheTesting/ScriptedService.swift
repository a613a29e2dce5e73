//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// A service whose responses a test hands out one by one, when it wants to.
///
/// ```swift
/// let origin = ScriptedService()
/// async let response = origin.layer(cache).call(request)
/// let call = await origin.nextCall()          // the request has arrived
/// call.respond(CacheResponse(body: "late"))   // now it is answered
/// ```
public final class ScriptedService: Service {
  /// One request that has arrived and waits to be answered.
  public final class Call: Sendable {
    /// What was asked.
    public let request: CacheRequest
    private let state = Locked<(result: Result<CacheResponse, any Error>?, waiter: CheckedContinuation<Void, Never>?)>(
      (nil, nil))
    private let cancelled = Locked<(isCancelled: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    init(_ request: CacheRequest) { self.request = request }

    /// Answers.
    public func respond(_ response: CacheResponse) { finish(.success(response)) }

    /// Fails.
    public func fail(_ error: any Error) { finish(.failure(error)) }

    /// Whether the caller has cancelled the call.
    public var isCancelled: Bool { cancelled.withLock { $0.isCancelled } }

    /// Returns when the caller has cancelled the call.
    public func waitForCancellation() async {
      await withCheckedContinuation { continuation in
        let isCancelled = cancelled.withLock { cancelled in
          if !cancelled.isCancelled { cancelled.waiters.append(continuation) }
          return cancelled.isCancelled
        }
        if isCancelled { continuation.resume() }
      }
    }

    private func finish(_ result: Result<CacheResponse, any Error>) {
      let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
        guard state.result == nil else { return nil }
        state.result = result
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }

    func result() async throws -> CacheResponse {
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isReady = state.withLock { state in
            if state.result == nil { state.waiter = continuation }
            return state.result != nil
          }
          if isReady { continuation.resume() }
        }
      } onCancel: {
        let waiters = cancelled.withLock { cancelled in
          cancelled.isCancelled = true
          defer { cancelled.waiters = [] }
          return cancelled.waiters
        }
        for waiter in waiters { waiter.resume() }
        finish(.failure(CancellationError()))
      }
      guard let result = state.withLock({ $0.result }) else { throw CancellationError() }
      return try result.get()
    }
  }

  private struct State {
    var arrived: [Call] = []
    var waiters: [CheckedContinuation<Call, Never>] = []
    var callCount = 0
  }

  private let state = Locked(State())

  /// A service that nobody has called yet.
  public init() {}

  /// How many requests have arrived so far.
  public var callCount: Int { state.withLock { $0.callCount } }

  /// Answers one request.
  public func call(_ request: CacheRequest) async throws -> CacheResponse {
    let call = Call(request)
    let waiter = state.withLock { state -> CheckedContinuation<Call, Never>? in
      state.callCount += 1
      guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
      state.arrived.append(call)
      return nil
    }
    waiter?.resume(returning: call)
    return try await call.result()
  }

  /// The next request, when it has arrived.
  public func nextCall() async -> Call {
    await withCheckedContinuation { continuation in
      let ready = state.withLock { state -> Call? in
        guard state.arrived.isEmpty else { return state.arrived.removeFirst() }
        state.waiters.append(continuation)
        return nil
      }
      if let ready { continuation.resume(returning: ready) }
    }
  }
}
