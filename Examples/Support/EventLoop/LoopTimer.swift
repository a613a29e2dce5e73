//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One deadline of one connection, used over and over.
///
/// Moving a deadline further away costs one store, because the timer then stays where it is in the queue and is put
/// off when it fires. That is the usual case: every request moves its connection's deadline a little further away.
final class LoopTimer {
  // Exclusivity is unchecked: these are single words, read and written and never lent. `TimerQueue` alone writes them.

  /// When it is due, in nanoseconds of the loop's clock; `.max` when it is not.
  @exclusivity(unchecked) var deadline = Int64.max
  /// Where the queue has sorted it in; never later than `deadline`.
  @exclusivity(unchecked) var queuedDeadline = Int64.max
  /// Its place in the heap; -1 when it is not in there.
  @exclusivity(unchecked) var position = -1
  /// Called on the loop's thread.
  let action: @Sendable () -> Void

  init(action: @escaping @Sendable () -> Void) { self.action = action }
}
