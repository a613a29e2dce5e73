//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a flight gives to one of those who wait for it.
///
/// A word or two: it is handed on several times.
enum FlightResult: Sendable {
  /// A response, with a body of this waiter's own to read.
  case response(FlightResponse)
  /// The response was for the leader only: go to the origin yourself.
  indirect case released(Release)
  /// The origin failed.
  case failed(any Error)
  /// The origin answered with a server error, which stands in no relation to this waiter's own request.
  indirect case serverError(status: Int, retryAfter: String?)
  /// The origin has as many calls as it is given at a time.
  case saturated
  /// The origin took longer than the hard timeout.
  case originTimeout
  /// This waiter's own deadline (soft timeout, or wait limit) has come.
  case expired

  enum Release: Sendable {
    /// It is not cacheable.
    case uncacheable
    /// It may not be used for this waiter's request without validation.
    case needsValidation
    /// It was selected by header fields in which this waiter's request differs.
    case variant(VarySelection, nonce: String)
    /// Another node has stored something meanwhile: look for it.
    case stored
    /// The flight has come to its end without a result.
    case over
  }
}

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
  /// What became of it.
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
