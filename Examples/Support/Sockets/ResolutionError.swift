//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A host name without an address.
public struct ResolutionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The name that was looked up.
  public let host: String
  /// What the resolver said.
  public let reason: String

  /// What was looked up, and what came of it.
  public var description: String { "cannot resolve \"\(host)\": \(reason)" }
}
