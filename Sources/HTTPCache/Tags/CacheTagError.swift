//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What is wrong with the tags of a response, and what would be right.
public struct CacheTagError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, and what would be right.
  public let message: String

  init(_ message: String) { self.message = message }

  /// The value as text, for people.
  public var description: String { message }
}
