//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How far the search of a shard for what has been invalidated has come.
struct JudgingCursor {
  /// Everything in the shard is known to be valid up to this invalidation.
  var done: UInt64 = 0
  /// The same once the pass that is under way is through; zero when none is.
  var goal: UInt64 = 0
  /// Where the pass goes on.
  var position: Int32 = 0
}
