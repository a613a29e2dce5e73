//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A response from a flight.
final class FlightResponse: Sendable {
  let status: Int
  let fields: HeaderFields
  let body: Body
  let trailers: HeaderFields?
  /// Set when the origin confirmed (or the cache has just stored) an entry.
  let entry: CacheEntry?
  /// The outcome, when the answer is to be made from `entry`: the origin has confirmed it, or brought what it lacked.
  let entryOutcome: CacheOutcome?
  /// Fields for the leader only, beside those of `entry`.
  let leaderFields: HeaderFields
  /// When the response's age was zero, if the answer is for a request that did not cause it: such an answer has an `Age`
  /// (RFC 9111 §4), and that of the moment at which it is given.
  let birth: CacheInstant?
  /// The status that the origin sent.
  let originStatus: Int
  /// The result of storing the response.
  let storing: CacheEvent.Storing
  /// How long the origin took, in nanoseconds.
  private let originNanoseconds: Int64

  /// How long the origin took.
  var originDuration: Duration { .nanoseconds(originNanoseconds) }

  init(
    status: Int, fields: HeaderFields, body: Body, trailers: HeaderFields? = nil, entry: CacheEntry? = nil,
    entryOutcome: CacheOutcome? = nil, leaderFields: HeaderFields = HeaderFields(), birth: CacheInstant? = nil,
    originStatus: Int, storing: CacheEvent.Storing, receipt: Receipt
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.trailers = trailers
    self.entry = entry
    self.entryOutcome = entryOutcome
    self.leaderFields = leaderFields
    self.birth = birth
    self.originStatus = originStatus
    self.storing = storing
    self.originNanoseconds = receipt.originNanoseconds
  }
}
