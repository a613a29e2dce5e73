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
    var waiters: [(id: Int, continuation: CheckedContinuation<Call?, Never>)] = []
    var nextWaiter = 0
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
    let waiter = state.withLock { state -> CheckedContinuation<Call?, Never>? in
      state.callCount += 1
      guard state.waiters.isEmpty else { return state.waiters.removeFirst().continuation }
      state.arrived.append(call)
      return nil
    }
    waiter?.resume(returning: call)
    return try await call.result()
  }

  /// The next request, when it has arrived.
  ///
  /// When the task that waits is cancelled, as by a test's time limit, it is a request that nobody has made: so a test whose
  /// request never comes fails, and does not hold up those behind it.
  public func nextCall() async -> Call {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    let call = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ready = state.withLock { state -> Call?? in
          guard state.arrived.isEmpty else { return state.arrived.removeFirst() }
          // Cancelled before: then whoever handles that has found nobody here.
          guard !Task.isCancelled else { return .some(nil) }
          state.waiters.append((id, continuation))
          return nil
        }
        if let ready { continuation.resume(returning: ready) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
      }
      waiter?.continuation.resume(returning: nil)
    }
    return call ?? Call(CacheRequest(target: "/nobody-has-asked-for-this"))
  }
}
