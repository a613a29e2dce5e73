//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Runs what the cache does in its own time until ``shutdown()`` is called or the task is cancelled, and then ends that
  /// work in order: no refresh is begun any more, those under way are waited for, up to ten seconds.
  ///
  /// The cache does that work without `run()` too; `run()` ties it to the life of a server. A `Service` of
  /// swift-service-lifecycle is:
  ///
  /// ```swift
  /// struct CacheService: ServiceLifecycle.Service {
  ///   let cache: CacheLayer
  ///   func run() async throws {
  ///     await withGracefulShutdownHandler { await cache.run() } onGracefulShutdown: { cache.shutdown() }
  ///   }
  /// }
  /// ```
  ///
  /// It may run in several tasks at once, and all of them return. After `shutdown()` it returns at once, as soon as nothing
  /// is under way any more.
  public nonisolated func run() async {
    _ = await ending.value()
    // Also when this task alone was cancelled: a server that cancels it is ending.
    await refresher?.stop(within: .seconds(10))
  }

  /// Ends every ``run()``, now and later. Does not wait for that: the return of `run()` does.
  ///
  /// Requests are still answered, and their answers stored, so that a server can finish what it has accepted; only the work
  /// that no request asks for ends. To be called from anywhere, before, during or after `run()`, and as often as one likes.
  public nonisolated func shutdown() {
    refresher?.stop()
    ending.finish(())
  }
}
