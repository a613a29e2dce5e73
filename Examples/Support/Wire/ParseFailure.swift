//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Why a message is not one that can be answered, or relied upon.
public struct ParseFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// The status to answer a request with. For a response it is 502: what the client of a gateway is told.
  public let status: Int
  /// What was wrong, for a person.
  public let reason: String

  init(_ status: Int, _ reason: String) {
    self.status = status
    self.reason = reason
  }

  /// The same as `reason`.
  public var description: String { reason }
}
