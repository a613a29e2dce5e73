//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Text that is not the URL of an origin server.
public struct InvalidURLError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The text.
  public let text: String
  /// The mistake, and what to write instead.
  public let reason: String

  /// The text and its mistake.
  public var description: String { "\"\(text)\" \(reason)" }
}
