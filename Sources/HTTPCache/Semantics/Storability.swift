//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Whether a response may be stored (RFC 9111 §3).
enum Storability: Hashable, Sendable {
  /// It may, and this is how.
  case store(StorePlan)
  /// It may not, or it would be of no use.
  case refuse(StoreRefusal)

  /// How to store it; nil when it may not be.
  var plan: StorePlan? {
    guard case .store(let plan) = self else { return nil }
    return plan
  }

  /// Why it may not be stored; nil when it may.
  var refusal: StoreRefusal? {
    guard case .refuse(let refusal) = self else { return nil }
    return refusal
  }
}
