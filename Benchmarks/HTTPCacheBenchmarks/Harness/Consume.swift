//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Keeps the optimiser from dropping work whose result nobody uses.
@inline(never)
@_optimize(none)
func consume<Value>(_ value: Value) {}
