//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Results as a table for people, one line each, printed as they come.
public struct FaultTable: Sendable {
  private static let columns = [
    ("store", 17), ("what happens", 43), ("requests", 8), ("errors", 6), ("wrong", 5),
    ("hits % before/during/after", 26),
    ("p99 before", 10), ("p50", 9), ("p99", 9), ("longest", 9), ("timeout", 7), ("used again", 10), ("", 4),
  ]
  private let isMarkdown: Bool

  /// - Parameter isMarkdown: As for a document.
  public init(isMarkdown: Bool = false) { self.isMarkdown = isMarkdown }

  /// What stands above it.
  public var head: String {
    let names = Self.columns.map(\.0)
    guard isMarkdown else { return line(names) + "\n" + String(repeating: "-", count: line(names).count) }
    let rule = Self.columns.indices.map { $0 < 2 ? "---" : "---:" }
    return "\(line(names))\n|\(rule.dropLast().joined(separator: "|"))|"
  }

  /// One result.
  public func line(_ result: FaultResult) -> String {
    let hits = [result.hits.before, result.hits.during, result.hits.after].map { "\(Int($0.rounded()))" }
    return line([
      result.store, result.fault, "\(result.requests)", "\(result.errors)", "\(result.wrong + result.void)",
      hits.joined(separator: " / "), text(result.p99Before), text(result.latency.median), text(result.latency.p99),
      text(result.latency.longest), text(result.timeout), result.recovery.map(text) ?? "never",
      result.broken.isEmpty && result.late.isEmpty ? "ok" : "FAIL",
    ])
  }

  private func line(_ cells: [String]) -> String {
    if isMarkdown { return "| " + cells.dropLast().joined(separator: " | ") + " |" }
    return zip(Self.columns, cells).enumerated().map { index, pair in
      let padding = String(repeating: " ", count: max(0, pair.0.1 - pair.1.count))
      return index < 2 ? pair.1 + padding : padding + pair.1
    }.joined(separator: "  ")
  }

  private func text(_ duration: Duration) -> String {
    let milliseconds = duration / .milliseconds(1)
    if milliseconds >= 1000 { return "\((milliseconds / 100).rounded() / 10) s" }
    return milliseconds >= 10 ? "\(Int(milliseconds.rounded())) ms" : "\((milliseconds * 10).rounded() / 10) ms"
  }
}
