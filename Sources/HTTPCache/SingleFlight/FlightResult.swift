//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a flight gives to one of those who wait for it.
enum FlightResult: Sendable {
  /// A response, with a body of this waiter's own to read.
  case response(FlightResponse)
  /// The response was for the leader only: go to the origin yourself.
  case released(Release)
  /// The origin failed.
  case failed(any Error)
  /// The origin answered with a server error, which stands in no relation to this waiter's own request.
  case serverError(status: Int, retryAfter: String?)
  /// The origin took longer than the hard timeout.
  case originTimeout
  /// This waiter's own deadline (soft timeout, or wait limit) has come.
  case expired

  enum Release: Sendable {
    /// It is not cacheable.
    case uncacheable
    /// It was selected by header fields in which this waiter's request differs.
    case variant(VarySelection, nonce: String)
    /// Another node has stored something meanwhile: look for it.
    case stored
    /// The flight has come to its end without a result.
    case over
  }
}

/// A response from a flight.
struct FlightResponse: Sendable {
  var status: Int
  var fields: HeaderFields
  var body: Body
  var trailers: HeaderFields?
  /// Set when the origin confirmed (or the cache has just stored) an entry.
  var entry: CacheEntry?
  /// The outcome, when the answer is to be made from `entry`: the origin has confirmed it, or brought what it lacked.
  var entryOutcome: CacheOutcome?
  /// The status that the origin sent.
  var originStatus: Int
  /// What became of it.
  var storing: CacheEvent.Storing
  /// How long the origin took.
  var originDuration: Duration
}
