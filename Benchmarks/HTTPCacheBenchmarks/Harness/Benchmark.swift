//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One thing to measure.
struct Benchmark: Sendable {
  /// Does the work `count` times.
  enum Work: Sendable {
    case synchronous(@Sendable (_ count: Int) -> Void)
    case asynchronous(@Sendable (_ count: Int) async throws -> Void)
  }

  /// `group/name`, as the filters and the table have it.
  let id: String
  /// One line that says what one operation is.
  let summary: String
  /// How many operations a sample has at most; for those that cannot be repeated in a tight loop.
  let maximumBatch: Int
  /// Makes what is measured, anew for every round.
  let prepare: @Sendable () async throws -> Work

  init(
    _ id: String, _ summary: String, maximumBatch: Int = .max, prepare: @escaping @Sendable () async throws -> Work
  ) {
    self.id = id
    self.summary = summary
    self.maximumBatch = maximumBatch
    self.prepare = prepare
  }
}
