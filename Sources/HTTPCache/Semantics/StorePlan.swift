//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How a response is stored.
struct StorePlan: Hashable, Sendable {
  /// The moments that will decide about it.
  var times: EntryTimes
  /// What it demands and allows.
  var traits: EntryTraits
  /// The header section to store (RFC 9111 §3.1): without what belongs to the connection, and without `Age`, which has
  /// become part of `times.birth`.
  var fields: HeaderFields
  /// The request fields that select it (RFC 9111 §4.1).
  var vary: VarySelection
}
