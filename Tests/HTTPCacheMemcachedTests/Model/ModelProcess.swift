//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

/// An operation at work, one command at a time.
protocol ModelProcess {
  /// Goes on.
  ///
  /// - Returns: What to ask the host for; nil when it is over.
  mutating func advance(_ replies: [MemcachedReply], _ world: inout BookkeepingHistory) -> [MemcachedCommand]?
  /// The keys that it has found missing and is about to write.
  var written: [MemcachedKey] { get }
}
