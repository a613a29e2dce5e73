//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// An operation on what a host knows of invalidations, round trip by round trip. Pure: it says what to ask the host for, and is
/// told the replies.
protocol BookkeepingOperation {
  associatedtype Result

  /// The keys that are being written. When there is no memory for a value, none is as good: what needs it is void then.
  var written: [MemcachedKey] { get }

  /// Goes on.
  ///
  /// - Parameter replies: The replies to what was asked for last; none at the beginning, and after ``BookkeepingStep/begin(above:)``.
  mutating func advance(_ replies: [MemcachedReply]) throws(BookkeepingError) -> BookkeepingStep<Result>
}

extension BookkeepingOperation {
  /// The steps after which an operation is given up that changes what others change, too. Each attempt that is lost to others
  /// is one of theirs that has succeeded: a node that is slower than they are goes on until they are done.
  static var maximumAttempts: Int { 512 }
}
