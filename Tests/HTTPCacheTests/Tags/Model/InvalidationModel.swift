//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

/// The reference: remembers everything that has happened, in order, and says of every response that was served whether it
/// may have been. Too simple to be wrong.
struct InvalidationModel {
  /// What one call to the origin brought, or confirmed.
  struct Content {
    var key: CacheKey
    /// When it was read.
    var readAt: Int
    var tags: Set<String>
  }

  /// One invalidation.
  struct Invalidation {
    var what: CacheInvalidation
    /// When it began: what is read from then on is new.
    var from: Int
    /// When it was complete: who asks from then on gets nothing that is older.
    var at: Int
    var moment: CacheInstant
    /// The content of the response that made it, which it does not concern.
    var except: Int?
  }

  /// A response that somebody got.
  struct Served {
    var begunAt: Int
    var serial: Int
    var outcome: CacheOutcome?
    var moment: CacheInstant
  }

  var contents: [Int: Content] = [:]
  var invalidations: [Invalidation] = []
  let staleWhileRevalidate: Duration
  let staleIfError: Duration

  /// What is wrong with having served this; nil when nothing is.
  func objection(to served: Served) -> String? {
    guard let content = contents[served.serial] else { return "serial \(served.serial) was never made" }
    var staleSince: CacheInstant?
    for invalidation in invalidations
    where content.readAt < invalidation.from && invalidation.at < served.begunAt && invalidation.except != served.serial
      && invalidation.what.concerns(key: content.key, tags: content.tags.sorted())
    {
      if invalidation.what.mode == .hard {
        return
          "serial \(served.serial) (\(content.key), \(content.tags.sorted())), read at \(content.readAt), was served as "
          + "\(String(describing: served.outcome)) to a request of \(served.begunAt), after it had been invalidated at "
          + "\(invalidation.at): \(invalidation.what.target)"
      }
      staleSince = min(staleSince ?? .distantFuture, invalidation.moment)
    }
    guard let staleSince else { return nil }
    let window: Duration
    switch served.outcome {
    case .stale(.whileRevalidating): window = staleWhileRevalidate
    case .stale(.ifError), .stale(.retryPending): window = max(staleIfError, staleWhileRevalidate)
    default:
      return "serial \(served.serial) was served as \(String(describing: served.outcome)) after a soft invalidation"
    }
    let age = served.moment.duration(since: staleSince)
    return age < window ? nil : "serial \(served.serial) was served \(age) after it had been said to be stale"
  }
}
