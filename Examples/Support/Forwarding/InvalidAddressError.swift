//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Text that is no address or range of addresses.
public struct InvalidAddressError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The text.
  public let text: String
  /// The fault of the text, in words that follow it.
  public let reason: String

  /// The text and its fault.
  public var description: String { "\"\(text)\" \(reason)" }
}
