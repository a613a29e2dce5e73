//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

extension MultiTierBackend {
  /// Sees to it that what waits (invalidations, writes) is done, if anything does. One task does it, while there is something
  /// to do.
  func startDraining() {
    guard hasWork else { return }
    drain.withLock { task in
      guard task == nil else { return }
      task = Task.detached { [weak self, clock = configuration.clock, jitter = configuration.jitter] in
        var pause = Duration.milliseconds(50)
        while !Task.isCancelled {
          guard let isDone = await self?.drainOnce() else { return }
          if isDone {
            guard let self, !self.stopDraining() else { return }
            pause = .milliseconds(50)
            continue
          }
          // Longer each time, and not all nodes at once. A tier that is left alone is not asked: finding out that it is used
          // again costs nothing, and what waits is not to wait for longer than that.
          let isLeftAlone = self?.isLeftAlone ?? false
          if isLeftAlone { pause = .milliseconds(100) }
          guard (try? await clock.sleep(until: clock.now.advanced(by: pause * (0.75 + jitter() / 2)))) != nil
          else { return }
          if !isLeftAlone { pause = min(pause * 2, .seconds(5)) }
        }
      }
    }
  }

  /// Whether one of the tiers has failed so often that it is not asked at the moment.
  private var isLeftAlone: Bool { near.isSuspended || far.isSuspended }

  private var hasWork: Bool { near.waitingCount > 0 || far.waitingCount > 0 || writes.withLock { $0.isDue } }

  /// - Returns: Whether the task may end: nothing has come up since.
  private func stopDraining() -> Bool {
    drain.withLock { task in
      guard !hasWork else { return false }
      task = nil
      return true
    }
  }

  /// Does what waits.
  ///
  /// - Returns: Whether all of it is done.
  func drainOnce() async -> Bool {
    var isDone = true
    if near.waitingCount > 0 { isDone = await near.replay() != nil }
    if far.waitingCount > 0 {
      guard let told = await far.replay() else { return false }
      for invalidation in told {
        // Other nodes may have copied from the far tier what it did not know to be invalid.
        _ = await invalidateNear(invalidation)
        link?.publish(.invalidation(invalidation))
      }
    }
    guard await flush() else { return false }
    return isDone
  }

  /// Writes what waits, several at a time.
  private func flush() async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      var isDone = true
      var runningCount = 0
      while isDone {
        while runningCount < configuration.concurrentWrites, let write = writes.withLock({ $0.beginOldest() }) {
          runningCount += 1
          group.addTask { await self.flush(write) }
        }
        guard let result = await group.next() else { break }
        runningCount -= 1
        isDone = result
      }
      for await result in group { isDone = isDone && result }
      return isDone
    }
  }

  private func flush(_ write: WaitingWrites.Write) async -> Bool {
    guard case .success(let result) = await perform(write) else { return false }
    if result == .stored { reporter.report(.writeFlushed, write.entry.key) }
    return true
  }

  /// Ends every ``run()``, now and later, and stores nothing any more. Does not wait for that: the return of `run()` does,
  /// which first writes what waits. Entries are still found.
  ///
  /// To be called from where nobody can wait, such as a handler of signals, as often as one likes. Elsewhere, and where
  /// nobody has called `run()`, there is ``shutdown(within:)``.
  public func shutdown() {
    isShutDown.store(true, ordering: .sequentiallyConsistent)
    ending.finish(())
  }

  /// Writes what waits to be written, tells the tiers what they have yet to be told, and stores nothing any more. Entries are
  /// still found. Ends every ``run()``.
  ///
  /// - Parameter limit: How long that may take.
  /// - Returns: Whether everything is done. What is not is lost: invalidations too.
  @discardableResult
  public func shutdown(within limit: Duration = .seconds(10)) async -> Bool {
    shutdown() as Void
    let clock = configuration.clock
    let isDone = try? await withDeadline(limit, clock) { [self] in
      while !Task.isCancelled {
        if await drainOnce(), writes.withLock({ $0.isEmpty }) { return true }
        try await clock.sleep(until: clock.now.advanced(by: .milliseconds(20)))
      }
      return false
    }
    drain.withLock { $0?.cancel() }
    await link?.finish(within: limit)
    return isDone ?? false
  }
}
