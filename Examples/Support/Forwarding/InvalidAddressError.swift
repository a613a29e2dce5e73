//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Text that is no address or range of addresses.
public struct InvalidAddressError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The text.
  public let text: String
  /// What is wrong with it.
  public let reason: String

  /// What is wrong with which text.
  public var description: String { "\"\(text)\" \(reason)" }
}
