//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// A value behind a lock. `NSLock` rather than `Synchronization.Mutex`, which ThreadSanitizer does not see on Linux.
final class Mutex<Value>: @unchecked Sendable {
  // @unchecked: the value is only reached through withLock.
  private let lock = NSLock()
  private var value: Value

  init(_ value: Value) { self.value = value }

  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
