//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Takes in the lines of a log, or the records of a trace.
///
/// Called on a thread of its own, one call at a time for each policy or trace: `write` may take its time. What comes meanwhile is
/// kept up to a bound, and then dropped and counted; no request waits for a sink.
public protocol CacheLogSink: Sendable {
  /// Writes some whole lines, each with a newline at its end, or some whole records.
  ///
  /// - Throws: When they could not be written. They are then counted as dropped.
  func write(_ bytes: [UInt8]) throws
}
