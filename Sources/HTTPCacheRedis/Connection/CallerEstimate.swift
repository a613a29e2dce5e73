//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// About how many callers wait for a connection's answers at a time: whether it is worth waiting for the others.
struct CallerEstimate {
  /// From how many on their commands are gathered. For fewer a write of its own costs less than being gathered.
  static let threshold = 4

  private(set) var count = 0

  var areMany: Bool { count >= Self.threshold }

  /// So many got their answers at once. Answers that come in pieces do not make the callers fewer: the estimate follows
  /// upwards at once, and downwards slowly.
  mutating func answered(_ callers: Int) { count = max(callers, count * 3 / 4) }
}
