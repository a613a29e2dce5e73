//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CAllocationCounter

/// Keeps the optimiser from dropping work whose result nobody uses: as far as it knows, C looks at the value. Costs a call,
/// and copies nothing.
@inline(__always)
func consume<Value>(_ value: consuming Value) {
  withUnsafePointer(to: &value) { look_at($0) }
}
