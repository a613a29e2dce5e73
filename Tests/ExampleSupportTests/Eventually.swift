//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Waits until `condition` holds, which nobody tells of: the state of something that has no event for it. Sleeps between its
/// looks, so that on a busy machine it takes no time from what it waits for. False when it does not hold within a minute,
/// or before the task is cancelled.
func eventually(_ condition: () -> Bool) async -> Bool {
  let end = ContinuousClock.now + Flag.patience
  while !condition() {
    guard ContinuousClock.now < end, !Task.isCancelled else { return false }
    try? await Task.sleep(for: .milliseconds(1))
  }
  return true
}
