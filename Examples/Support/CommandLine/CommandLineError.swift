//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What is wrong with the arguments of a program, or the help text when that was asked for.
public struct CommandLineError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What to tell the person who typed them.
  public let message: String
  /// Whether the person asked for help rather than making a mistake.
  public let isHelp: Bool

  /// - Parameter message: What is wrong, for the person who typed it. For kinds of options of one's own.
  public init(_ message: String) {
    self.message = message
    isHelp = false
  }

  init(help: String) {
    message = help
    isHelp = true
  }

  /// The same as `message`.
  public var description: String { message }
}
