//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A request, or something that has come of one, as it is kept until the drain has told those who want to know.
struct RequestRecord: Sendable {
  var kind: CacheEvent.Kind
  /// When it happened, by the cache's clock.
  var time: CacheInstant
  var digest: KeyDigest
  /// The entry that was used or stored.
  var entry: CacheEntry?
  /// The key, where there is no entry.
  var key: CacheKey?
  var method = RequestMethod.get
  var policy: ResolvedPolicy?
  var requestID: String?
  var status = 0
  /// Nil where the length was not known when the response began.
  var byteCount: Int?
  /// From the request's arrival to the beginning of its response.
  var duration = Duration.zero
  /// How long the origin took to begin its response; nil if it was not asked.
  var originDuration: Duration?
  /// The fate of the origin's response.
  var storing = CacheEvent.Storing.none
  /// Whether the entry was in this process.
  var isNear = true

  /// Creates the record of a hit.
  init(
    hit entry: CacheEntry, of request: CacheRequest, _ policy: ResolvedPolicy?, status: Int, byteCount: Int?,
    duration: Duration, at now: CacheInstant
  ) {
    kind = .answered(.hit)
    time = now
    digest = entry.digest
    self.entry = entry
    method = request.method
    self.policy = policy
    self.status = status
    self.byteCount = byteCount
    self.duration = duration
    requestID = Self.requestID(of: request, policy)
  }

  /// The identifier that the cache has given a request; nil unless the policy asks for that.
  static func requestID(of request: CacheRequest, _ policy: ResolvedPolicy?) -> String? {
    policy?.identifiesRequests == true ? request.fields[RequestID.field] : nil
  }

  init(_ kind: CacheEvent.Kind, _ digest: KeyDigest, at time: CacheInstant) {
    self.kind = kind
    self.digest = digest
    self.time = time
  }
}
