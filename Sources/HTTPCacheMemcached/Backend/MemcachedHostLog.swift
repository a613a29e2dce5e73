//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Synchronization

/// The invalidations that one host keeps: a counter that numbers them, a ledger of those that may concern any entry, and
/// marks for tags and single keys. What this process has yet to tell it, too.
///
/// Every host has its own, so that a lookup has them in the same round trip as the entry, and so that a host that is down
/// costs nobody but its own entries. The decisions are those of the operations in `Bookkeeping`; here they meet the host.
final class MemcachedHostLog: Sendable {
  let client: MemcachedClient
  let host: Int
  let keys: BookkeepingKeys
  let clock: CacheClock
  /// The invalidations that the host is being told, or has yet to be told.
  let pending = HostInvalidations()
  /// The buckets that are there, or were.
  let seenBuckets = Locked(Set<UInt64>())
  /// The highest counter that was read.
  private let highest = Atomic<UInt64>(0)
  /// The ledger as it was last read: it rarely changes, and every lookup needs it.
  private let lastLedger = Locked<(bytes: Bytes, ledger: InvalidationLedger)?>(nil)
  /// The task that begins the counter and the ledger at the moment.
  private let beginning = Locked<Task<BookkeepingView, any Error>?>(nil)

  /// The changes to be entered in the ledger, and who waits for them.
  private struct Entries {
    var waiting: [(change: LedgerChange, item: MemcachedItem?, isDone: OneShot<(any Error)?>)] = []
    var isRunning = false
  }
  private let entries = Locked(Entries())

  init(client: MemcachedClient, host: Int, keys: MemcachedKeySpace, clock: CacheClock) {
    self.client = client
    self.host = host
    self.clock = clock
    self.keys = BookkeepingKeys(keys)
  }

  // MARK: The counter and the ledger

  /// The counter has been as high at least. To be read before the host is asked.
  var seen: UInt64 { highest.load(ordering: .acquiring) }

  private func note(_ counter: UInt64) {
    // Nobody counts that far; who did would never find a counter that is high enough again.
    if counter <= MemcachedNumber.highestRemembered { highest.max(counter, ordering: .acquiringAndReleasing) }
  }

  /// The counter and the ledger that these items hold, begun anew if they are missing or cannot be read.
  func view(_ counter: MemcachedItem?, _ ledger: MemcachedItem?, seen: UInt64) async throws -> BookkeepingView {
    let counter = MemcachedNumber.read(counter)
    guard let view = BookkeepingView(counter: counter, ledger: read(ledger), seen: seen) else {
      return try await begin()
    }
    note(view.counter)
    return view
  }

  private func read(_ item: MemcachedItem?) -> InvalidationLedger? {
    guard let item, item.value.flags == MemcachedFormat.mark else { return nil }
    let bytes = item.value.bytes
    if let last = lastLedger.withLock({ $0 }), last.bytes == bytes { return last.ledger }
    guard let ledger = InvalidationLedger(bytes) else { return nil }
    lastLedger.withLock { $0 = (bytes, ledger) }
    return ledger
  }

  /// Begins counter and ledger. When a server was restarted everybody finds nothing at the same time: one begins, and the others look at
  /// what has come of it, each for himself, because what was invalidated meanwhile must not be missing.
  private func begin(above number: UInt64 = 0) async throws -> BookkeepingView {
    let (task, isOwn) = beginning.withLock { current -> (Task<BookkeepingView, any Error>, Bool) in
      if let current { return (current, false) }
      let task = Task { try await beginAlone(above: number) }
      current = task
      return (task, true)
    }
    guard isOwn else {
      _ = await task.result
      return try await beginAlone(above: number)
    }
    defer { beginning.withLock { $0 = nil } }
    return try await task.value
  }

  private func beginAlone(above number: UInt64) async throws -> BookkeepingView {
    let seen = max(self.seen, min(number, MemcachedNumber.highestRemembered))
    let view = try await run(BeginOperation(keys, seen: seen) { [clock] in MemcachedNumber.new(above: $0, clock) })
    note(view.counter)
    return view
  }

  // MARK: Operations

  /// Sees to it that these marks are there, which were found missing.
  ///
  /// - Returns: The counter after which they were.
  func begin(_ marks: [MemcachedKey], over items: [MemcachedItem?], counter: UInt64) async throws -> UInt64 {
    let counter = try await run(CheckOperation(beginning: marks, over: items, counter: counter, keys)).counter
    note(counter)
    return counter
  }

  /// Returns the meaning of the host's invalidations for an entry that is about to be stored, and begins the marks that it needs
  /// and that are missing.
  func verdict(
    of candidate: InvalidationCandidate, since stamp: UInt64, marks: [MemcachedKey]
  ) async throws -> MemcachedVerdict {
    let result = try await run(CheckOperation(candidate, since: stamp, marks: marks, seen: seen, keys))
    note(result.counter)
    return result.verdict
  }

  /// Enters an invalidation in marks.
  func enter(
    _ mode: CacheInvalidation.Mode, at moment: UnixTime, in marks: [MemcachedKey], slot: MarkOperation.Slot = .none
  ) async throws -> MarkOperation.Result {
    let result = try await run(MarkOperation(marks, mode, at: moment, slot: slot, keys))
    note(result.number)
    return result
  }

  /// Enters an invalidation in the ledger.
  ///
  /// Invalidations that come while one is being written are entered together: every one of them changes the same value, and
  /// would find it changed by the others again and again.
  ///
  /// - Parameter target: Nil for everything.
  func enter(_ mode: CacheInvalidation.Mode, at moment: UnixTime, _ target: InvalidationTarget?) async throws {
    let (number, item) = try await run(NumberOperation(keys))
    note(number)
    let change = LedgerChange(number: number, mode: mode, moment: moment, target: target)
    let isDone = OneShot<(any Error)?>()
    let isFirst = entries.withLock { entries in
      entries.waiting.append((change, item, isDone))
      defer { entries.isRunning = true }
      return !entries.isRunning
    }
    if isFirst { Task { await writeEntries() } }
    if case .some(.some(let error)) = await isDone.value() { throw error }
  }

  private func writeEntries() async {
    while true {
      let batch = entries.withLock { entries in
        defer { entries.waiting = [] }
        if entries.waiting.isEmpty { entries.isRunning = false }
        return entries.waiting
      }
      guard let last = batch.last else { return }
      var failure: (any Error)?
      do {
        try await run(LedgerOperation(batch.map(\.change), over: last.item, keys))
      } catch { failure = error }
      for entry in batch { entry.isDone.finish(failure) }
    }
  }

  /// Carries out an operation.
  private func run<Operation: BookkeepingOperation>(_ start: Operation) async throws -> Operation.Result {
    var operation = start
    var replies: [MemcachedReply] = []
    while true {
      let step: BookkeepingStep<Operation.Result>
      do throws(BookkeepingError) { step = try operation.advance(replies) } catch {
        if error == .outOfMemory { for key in operation.written { try await client.delete(key, at: host) } }
        throw publicError(error)
      }
      switch step {
      case .ask(let commands): replies = try await client.perform(commands, from: host)
      case .begin(let number):
        _ = try await begin(above: number)
        replies = []
      case .done(let result): return result
      }
    }
  }

  private func publicError(_ error: BookkeepingError) -> MemcachedError {
    let (code, message): (MemcachedError.Code, String) =
      switch error {
      case .outOfMemory: (.refused, "has no memory left")
      case .contended: (.refused, "loses what is written, or others write it all the time")
      case .mismatch: (.protocolViolated, "the answer does not fit the question")
      }
    return MemcachedError(code, host: client.hostName(host), message)
  }
}
