//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A configuration that makes no sense, refused before it can do harm.
public struct CacheConfigurationError: Error, Hashable, CustomStringConvertible {
  /// What was refused, and why, for whoever wrote the configuration.
  public let message: String

  /// - Parameter message: What was refused, and why.
  public init(_ message: String) { self.message = message }

  /// The message.
  public var description: String { message }
}
