//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The next step of an operation.
enum BookkeepingStep<Result> {
  /// Carry out these commands, in their order and in one round trip, and go on with the replies.
  case ask([MemcachedCommand])
  /// The counter or the ledger is missing, unreadable or too low: begin it above this number, and go on.
  case begin(above: UInt64)
  case done(Result)
}
