//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a response to HEAD means for a stored response to GET (RFC 9111 §4.3.5).
enum HeadUpdate: Hashable, Sendable {
  /// It speaks of the same representation: these are the fields to store now.
  case freshen(HeaderFields)
  /// It speaks of another: what is stored is to be considered stale.
  case invalidate
}
