//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Synchronization

/// The clock of a node, whose time of day is ahead of the machine's or behind, and which a history moves forward.
struct HistoryClock: TimeSource {
  /// How far the clocks of a history have been moved forward.
  final class Progress: Sendable {
    private let nanoseconds = Atomic<Int64>(0)

    var duration: Duration { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }
    func add(_ duration: Duration) { nanoseconds.wrappingAdd(Int64(duration / .nanoseconds(1)), ordering: .relaxed) }
  }

  var ahead: Duration
  let progress: Progress

  var now: CacheInstant { CacheClock.system.now.advanced(by: progress.duration) }
  var unixTime: UnixTime {
    UnixTime(milliseconds: CacheClock.system.unixTime.milliseconds + Int64(ahead / .milliseconds(1)))
  }
  func sleep(until deadline: CacheInstant) async throws {
    try await CacheClock.system.sleep(until: deadline.advanced(by: .zero - progress.duration))
  }
}
