//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  /// Carries a socket from one thread to the next.
  struct UncheckedBox<Value>: @unchecked Sendable {
    // @unchecked: a test hands the value on and no longer uses it itself.
    let value: Value
    init(_ value: Value) { self.value = value }
  }
#endif
