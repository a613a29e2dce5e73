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
    /// Another node, or another flight, has stored something meanwhile: look for it.
    case stored
    /// The call takes long, which may be due to the request of the client that it is made with.
    case overdue
    /// The flight has come to its end without a result.
    case over
  }
}
