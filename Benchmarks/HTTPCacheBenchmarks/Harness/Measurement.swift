//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a benchmark has measured: nanoseconds for one operation (or what `unit` says), over many samples.
struct Measurement: Codable, Sendable {
  var id: String
  var median: Double
  var p90: Double
  var p99: Double
  var maximum: Double
  var minimum: Double
  /// For one operation; nil where allocations cannot be counted.
  var allocations: Double?
  var allocatedBytes: Double?
  var samples: Int
  /// Operations in one sample.
  var batch: Int
  /// Nil for nanoseconds.
  var unit: String?

  init(
    id: String, samples: [Double], batch: Int, operations: Int, allocations: UInt64?, bytes: UInt64?,
    unit: String? = nil
  ) {
    let sorted = samples.sorted()
    func percentile(_ share: Double) -> Double {
      sorted[Swift.min(sorted.count - 1, Int((Double(sorted.count) * share).rounded(.down)))]
    }
    self.id = id
    median = percentile(0.5)
    p90 = percentile(0.9)
    p99 = percentile(0.99)
    maximum = sorted.last ?? 0
    minimum = sorted.first ?? 0
    self.allocations = allocations.map { Double($0) / Double(operations) }
    allocatedBytes = bytes.map { Double($0) / Double(operations) }
    self.samples = samples.count
    self.batch = batch
    self.unit = unit
  }
}
