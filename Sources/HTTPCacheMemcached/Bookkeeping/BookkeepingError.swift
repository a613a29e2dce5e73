//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// An operation cannot be completed.
enum BookkeepingError: Error, Hashable {
  /// The host has no memory for what was to be written.
  case outOfMemory
  /// Others write all the time, or what was written is lost again and again.
  case contended
  /// A reply is not one that the command can have.
  case mismatch
}
