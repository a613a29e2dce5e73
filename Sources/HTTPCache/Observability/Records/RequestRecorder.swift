//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Collects records of requests in bounded rings, one for each of 16 shards of the keys, and hands them on in a thread of its
/// own, which there is while there are records, so that no request waits for anybody.
///
/// No task: a consumer may take its time.
///
/// A request for a key that nobody has asked for pays a comparison. What a ring has no room for is dropped, and counted.
final class RequestRecorder: Sendable {
  private static let ringCount = 16
  /// How many records a ring has room for.
  static let ringCapacity = 512
  /// How long records lie before they are handed on.
  private static let interval = timespec(tv_sec: 0, tv_nsec: 50_000_000)
  /// After so many rounds without records the thread ends; the next record starts another.
  private static let idleRounds = 20

  /// The limit of the keys that are recorded.
  let limit = RecordLimit()
  private let rings = (0..<RequestRecorder.ringCount).map { _ in Locked(RingQueue<RequestRecord>()) }
  private let consumers = Locked([any RequestRecordConsumer]())
  /// Held while records are handed on, so that they arrive in order.
  private let drainLock = Locked(())
  private let isDraining = Atomic(false)
  private let dropped = Atomic(0)

  deinit { limit.destroy() }

  /// How many records there was no room for.
  var dropCount: Int { dropped.load(ordering: .relaxed) }

  /// Whether requests for a key are recorded.
  @inline(__always)
  func records(_ digest: KeyDigest) -> Bool { limit.includes(digest) }

  func add(_ consumer: any RequestRecordConsumer) {
    consumers.withLock { $0.append(consumer) }
    updateLimit()
  }

  /// Hands on what there is to a consumer for the last time.
  func remove(_ consumer: any RequestRecordConsumer) {
    drain()
    consumers.withLock { $0.removeAll { $0 === consumer } }
    updateLimit()
  }

  private func updateLimit() {
    let highest = consumers.withLock { $0.map(\.threshold).max() ?? 0 }
    limit.set(highest)
  }

  /// Keeps a record for the drain. Never waits for it.
  @inline(never)
  func append(_ record: RequestRecord) {
    let isKept = rings[Int(truncatingIfNeeded: record.digest.low) & (Self.ringCount - 1)].withLock { ring in
      guard ring.count < Self.ringCapacity else { return false }
      ring.append(record)
      return true
    }
    if !isKept { dropped.add(1, ordering: .relaxed) }
    if !isDraining.load(ordering: .relaxed) { startDraining() }
  }

  @inline(never)
  private func startDraining() {
    guard !isDraining.exchange(true, ordering: .acquiringAndReleasing) else { return }
    let code = DetachedThread.start { [weak self] in
      var idle = 0
      while idle < Self.idleRounds {
        var interval = Self.interval
        nanosleep(&interval, nil)
        guard let self else { return }
        idle = self.drain() ? 0 : idle + 1
      }
      guard let self else { return }
      self.isDraining.store(false, ordering: .sequentiallyConsistent)
      // A record that came while the thread was still taken to be running.
      self.drain()
    }
    // No thread is to be had: the next record tries again.
    if code != 0 { isDraining.store(false, ordering: .releasing) }
  }

  /// Hands on what has been recorded up to now.
  ///
  /// - Returns: Whether there was anything.
  @discardableResult
  func drain() -> Bool {
    drainLock.withLock { _ in
      var hasRecords = false
      let consumers = consumers.withLock { $0 }
      for ring in rings {
        let records = ring.withLock { ring in
          let records = Array(ring)
          ring.removeAll()
          return records
        }
        guard !records.isEmpty else { continue }
        hasRecords = true
        for consumer in consumers { consumer.consume(records) }
      }
      if hasRecords { updateLimit() }
      return hasRecords
    }
  }
}
