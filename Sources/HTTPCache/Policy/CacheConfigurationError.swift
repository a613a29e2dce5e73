//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A configuration that makes no sense, and what to do about it.
public struct CacheConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, with the value that is, and what would be right.
  public let message: String

  /// - Parameter message: What is wrong, with the value that is, and what would be right.
  public init(_ message: String) { self.message = message }

  /// The value as text, for people.
  public var description: String { message }
}
