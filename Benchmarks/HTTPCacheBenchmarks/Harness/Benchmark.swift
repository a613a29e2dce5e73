//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One thing to measure.
struct Benchmark: Sendable {
  /// `group/name`, as the filters and the table have it.
  let id: String
  /// One line that says what one operation is.
  let summary: String
  /// How many operations a sample has at most; for those that cannot be repeated in a tight loop.
  let maximumBatch: Int
  /// How many it has at least; for those that must start threads for each sample.
  let minimumBatch: Int
  /// Makes what is measured, anew for every round.
  let prepare: @Sendable () async throws -> Work

  init(
    _ id: String, _ summary: String, maximumBatch: Int = .max, minimumBatch: Int = 1,
    prepare: @escaping @Sendable () async throws -> Work
  ) {
    self.id = id
    self.summary = summary
    self.maximumBatch = maximumBatch
    self.minimumBatch = minimumBatch
    self.prepare = prepare
  }
}
