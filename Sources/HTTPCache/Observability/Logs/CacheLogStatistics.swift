//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The numbers of lines of a log, or of records of a trace, that were written and dropped.
public struct CacheLogStatistics: Hashable, Sendable, Codable {
  /// How many the sink has written.
  public var written = 0
  /// How many were dropped: there was no room, or the sink failed.
  public var dropped = 0
  /// The sink's last failure, in words; nil if there was none.
  public var lastError: String?

  /// Creates one of a log that nothing was written to.
  public init() {}
}
