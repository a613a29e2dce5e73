//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The cache, as it carries out what is to be invalidated after its handler has succeeded, while the body is under way.
protocol InvalidationCarrier: AnyObject, Sendable {
  func carryOutLate(_ invalidation: CacheInvalidation, of scope: TagScope)
}
