//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension OperationTimes {
  /// The metrics, one series for each operation.
  package func append(
    to metrics: inout MetricsSnapshot, _ name: String, help: String, labels: [MetricSample.Label] = []
  ) {
    for operation in Operation.allCases {
      metrics.append(
        histograms.sample(
          operation.rawValue, name, help: help, labels: labels + [.init("operation", "\(operation)")]))
    }
  }
}
