//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A response from a flight, for one of the requests that wait for it.
final class FlightResponse: Sendable {
  let status: Int
  let fields: HeaderFields
  let body: Body
  let trailers: HeaderFields?
  /// The entry that the response is made of, and the outcome then: the origin has confirmed it, or brought what it lacked, or
  /// another node has stored it. Nil when the response is to be handed on as it is.
  let source: (entry: CacheEntry, outcome: CacheOutcome)?
  /// Fields for the leader only, beside those of the entry.
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

  /// A response as the origin has sent it.
  init(
    status: Int, fields: HeaderFields, body: Body, trailers: HeaderFields?, birth: CacheInstant? = nil,
    storing: CacheEvent.Storing, exchange: ExchangeTimes
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.trailers = trailers
    self.source = nil
    self.leaderFields = HeaderFields()
    self.birth = birth
    self.originStatus = status
    self.storing = storing
    self.originNanoseconds = exchange.originNanoseconds
  }

  /// A response that is made of an entry.
  init(
    _ entry: CacheEntry, outcome: CacheOutcome, leaderFields: HeaderFields = HeaderFields(), originStatus: Int,
    storing: CacheEvent.Storing, exchange: ExchangeTimes
  ) {
    self.status = entry.status
    self.fields = entry.fields
    self.body = Body(entry.body)
    self.trailers = entry.trailers
    self.source = (entry, outcome)
    self.leaderFields = leaderFields
    self.birth = nil
    self.originStatus = originStatus
    self.storing = storing
    self.originNanoseconds = exchange.originNanoseconds
  }
}
