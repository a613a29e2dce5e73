//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// Lays measurements out for a person, beside an earlier run if there is one.
enum Report {
  static func table(_ measurements: [Measurement], earlier: [Measurement]) -> String {
    let before = Dictionary(earlier.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    var rows = [["", "median", "p90", "p99", "max", "allocs"] + (earlier.isEmpty ? [] : ["before", "change"])]
    for measurement in measurements {
      var row = [
        measurement.id, text(measurement.median, measurement.unit), text(measurement.p90, measurement.unit),
        text(measurement.p99, measurement.unit), text(measurement.maximum, measurement.unit),
        measurement.allocations.map { number($0) } ?? "-",
      ]
      if !earlier.isEmpty {
        if let old = before[measurement.id] {
          row += [text(old.median, old.unit), String(format: "%+.1f %%", (measurement.median / old.median - 1) * 100)]
        } else {
          row += ["-", "new"]
        }
      }
      rows.append(row)
    }
    return columns(rows)
  }

  /// Rows of cells, the first column flush left, the others flush right.
  static func columns(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private static func text(_ value: Double, _ unit: String?) -> String {
    unit.map { String(format: "%.1f ", value) + $0 } ?? time(value)
  }

  static func time(_ nanoseconds: Double) -> String {
    switch nanoseconds {
    case ..<1000: String(format: "%.1f ns", nanoseconds)
    case ..<1_000_000: String(format: "%.2f µs", nanoseconds / 1000)
    default: String(format: "%.2f ms", nanoseconds / 1_000_000)
    }
  }

  private static func number(_ value: Double) -> String {
    value < 0.005 ? "0" : String(format: value < 10 ? "%.2f" : "%.0f", value)
  }
}
