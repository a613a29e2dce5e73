//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// How far a warm-up has come.
  public struct WarmUpProgress: Hashable, Sendable {
    /// How many requests there are.
    public var total: Int
    /// How many have been made.
    public var finished = 0
    /// How many of those have failed: the handler threw, or answered with 5xx.
    public var failed = 0
    /// How many were answered from the store: there was nothing to do.
    public var alreadyStored = 0
  }

  /// Makes requests to fill the cache, for instance those that were hot when the last process ended
  /// (``hotRequests(limit:)``, ``WarmUpList``), at a bounded rate.
  ///
  /// They take the same way as everybody's, and so share calls with clients that ask for the same meanwhile. A server need
  /// not wait for it before it takes requests.
  ///
  /// - Parameters:
  ///   - requests: What is asked for. Only GET makes sense.
  ///   - next: The handler behind the cache.
  ///   - maximumConcurrency: How many requests are under way at a time.
  ///   - perSecond: How many are begun in a second at most.
  ///   - progress: Told after each request, one call at a time.
  /// - Returns: What was done. Less than all when the task was cancelled.
  @discardableResult
  public nonisolated func warmUp(
    _ requests: [CacheRequest], next: some Service<CacheRequest, CacheResponse>, maximumConcurrency: Int = 4,
    perSecond: Double = 50, progress: (@Sendable (WarmUpProgress) -> Void)? = nil
  ) async -> WarmUpProgress {
    var done = WarmUpProgress(total: requests.count)
    let service = AnyService(next)
    let interval = Duration.nanoseconds(Int64(1e9 / Swift.min(Swift.max(perSecond, 0.001), 1e6)))
    await withTaskGroup(of: CacheOutcome?.self) { group in
      var running = 0
      func note(_ outcome: CacheOutcome?) {
        running -= 1
        done.finished += 1
        switch outcome {
        case .hit?, .stale?: done.alreadyStored += 1
        case .failed?, nil: done.failed += 1
        default: break
        }
        progress?(done)
      }
      var nextAt = clock.now
      for request in requests {
        if running >= Swift.max(1, maximumConcurrency), let outcome = await group.next() { note(outcome) }
        if nextAt > clock.now, (try? await clock.sleep(until: nextAt)) == nil { break }
        if Task.isCancelled { break }
        nextAt = nextAt.advanced(by: interval)
        running += 1
        group.addTask { await self.warm(request, service) }
      }
      for await outcome in group { note(outcome) }
    }
    return done
  }

  /// What one request of a warm-up came to; nil when it failed.
  private nonisolated func warm(_ request: CacheRequest, _ next: AnyService) async -> CacheOutcome? {
    guard let response = try? await call(request, next: next) else { return nil }
    // Stored is what has been read to its end.
    let reader = response.body.makeReader()
    do { while try await reader.next() != nil {} } catch { return nil }
    return response.status >= 500 ? nil : response.outcome
  }
}
